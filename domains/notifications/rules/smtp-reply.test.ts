import { judgeSmtp, type SmtpVerdict } from './smtp-reply';

const CASES: [command: string, response: string | undefined, verdict: SmtpVerdict][] = [
  ['RCPT TO', undefined, 'transient'],
  ['RCPT TO', '421 4.3.2 Shutting down', 'transient'],
  ['RCPT TO', '450 4.2.1 Mailbox busy', 'transient'],
  ['RCPT TO', '550 5.1.1 No such user', 'bounce'],
  ['RCPT TO', '551 5.1.6 Moved', 'bounce'],
  ['RCPT TO', '550-5.1.1 No such user', 'bounce'],
  ['DATA', '550 5.1.1 No such user', 'bounce'],
  ['RCPT TO', '553 5.1.3 Bad address', 'invalid'],
  ['RCPT TO', '550 5.1.2 No such host', 'invalid'],
  // It may be about the sender, or a block list.
  ['RCPT TO', '550 No', 'permanent'],
  ['RCPT TO', '550 5.7.1 Blocked, see 5.1.1', 'permanent'],
  ['RCPT TO', '552 5.2.2 Mailbox full', 'permanent'],
  ['MAIL FROM', '550 5.1.1 You are unknown', 'permanent'],
  ['AUTH', '535 5.7.8 Wrong password', 'transient'],
  ['MAIL FROM', '530 5.7.0 Authenticate first', 'transient'],
];

test.each(CASES)('after %s: %s is %s', (command, response, verdict) => {
  const code = response === undefined ? undefined : Number(response.slice(0, 3));
  expect(judgeSmtp({ command, code, response })).toBe(verdict);
});
