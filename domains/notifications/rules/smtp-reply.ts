/** What an SMTP server said when it did not take a mail. */
export interface SmtpFailure {
  /** The command that it answered, such as `RCPT TO`. */
  command: string | undefined;
  /** Three digits; undefined when there was no answer. */
  code: number | undefined;
  /** The answer's text. */
  response: string | undefined;
}

/** What follows from it. */
export type SmtpVerdict =
  /** Another try may succeed. */
  | 'transient'
  /** No other try will. */
  | 'permanent'
  /** There is no such mailbox. */
  | 'bounce'
  /** There cannot be such an address. */
  | 'invalid';

/** RFC 3463: the mailbox does not exist, or has moved and left no address, or is disabled for good. */
const NO_SUCH_MAILBOX = /^5\.1\.(?:1|6|10)$/;
/** RFC 3463: the domain does not exist, or the address is malformed. */
const NO_SUCH_ADDRESS = /^5\.1\.(?:2|3)$/;

/**
 * Judges a failure. Only an enhanced status code says for certain that it is the address: a bare 550 may be about the sender,
 * and who is blocked for a day must not lose an address for good.
 */
export function judgeSmtp({ command, code, response }: SmtpFailure): SmtpVerdict {
  if (code === undefined || code < 500 || code > 599) return 'transient';
  // What a server says of a session's order or of our password says nothing of the mail.
  if (code === 503 || code === 530 || code === 535 || code === 534 || code === 538) return 'transient';
  const enhanced = /^\d{3}[ -](\d\.\d{1,3}\.\d{1,3})\b/.exec(response ?? '')?.[1] ?? '';
  if (command !== 'MAIL FROM') {
    if (NO_SUCH_MAILBOX.test(enhanced)) return 'bounce';
    if (NO_SUCH_ADDRESS.test(enhanced)) return 'invalid';
  }
  return 'permanent';
}
