import SMTPConnection from 'nodemailer/lib/smtp-connection';
import { codeOf } from '../../../core/error-code';
import { createFairLimit } from '../../../core/fair-limit';
import { withTimeout } from '../../../core/timeout';
import { judgeSmtp } from '../rules/smtp-reply';
import { type Carrier, NotReady, type WireResult } from './wire';

/** A mail as it goes out. */
export interface Mail {
  from: string;
  to: string;
  /** Headers and body. */
  bytes: Buffer;
}

export interface SmtpOptions {
  /** `smtp:` or `smtps:`, with user and password. */
  url: string;
  tls: 'required' | 'optional' | 'off';
  /** Certificate authorities (PEM) to trust besides those that Node bundles. */
  ca: string[] | undefined;
  connections: number;
  /** For connecting, and for each mail, in milliseconds. */
  timeoutMs: number;
}

/** Servers limit how many mails one connection may bring, and close what is idle for long. */
const MAX_MAILS = 100;
const MAX_IDLE_MS = 30_000;
/** A connection that was used just now is not asked whether it still lives. */
const FRESH_MS = 1_000;
const MAX_RESPONSE_BYTES = 16_384;

interface Idle {
  connection: SMTPConnection;
  mails: number;
  since: number;
}

/** Sends mail over a few connections, which are kept. */
export function createSmtpCarrier(options: SmtpOptions): Carrier<Mail> {
  const { timeoutMs } = options;
  const limit = createFairLimit(options.connections);
  const idle: Idle[] = [];
  let closing = false;

  /** A connection that was open a moment ago. */
  async function acquire(): Promise<Idle> {
    for (let kept = idle.pop(); kept !== undefined; kept = idle.pop()) {
      const idleMs = performance.now() - kept.since;
      const { connection } = kept;
      const lives = idleMs < FRESH_MS || (idleMs < MAX_IDLE_MS && (await isAlive(connection, timeoutMs)));
      if (lives && !connection.destroyed) return kept;
      connection.close();
    }
    return { connection: await connect(options), mails: 0, since: 0 };
  }

  function release(used: Idle): void {
    const mails = used.mails + 1;
    if (closing || used.connection.destroyed || mails >= MAX_MAILS) quit(used.connection);
    else idle.push({ connection: used.connection, mails, since: performance.now() });
  }

  const sweeper = setInterval(() => {
    const now = performance.now();
    while (idle[0] !== undefined && now - idle[0].since > MAX_IDLE_MS) quit(idle.shift()?.connection);
  }, MAX_IDLE_MS / 2).unref();

  return {
    ready: (group, work) =>
      limit.run(group, async () => {
        const acquired = await acquire();
        let reusable = true;
        try {
          return await work(async (mail) => {
            const { result, alive } = await sendMail(acquired.connection, mail, timeoutMs);
            reusable = alive;
            return result;
          });
        } finally {
          if (reusable) release(acquired);
          else acquired.connection.close();
        }
      }),
    async close() {
      closing = true;
      clearInterval(sweeper);
      await limit.drain();
      for (const { connection } of idle.splice(0)) quit(connection);
    },
  };
}

async function connect({ url: text, tls, ca, timeoutMs }: SmtpOptions): Promise<SMTPConnection> {
  const url = new URL(text);
  const secure = url.protocol === 'smtps:';
  const connection = new SMTPConnection({
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (secure ? 465 : 587) : Number(url.port),
    secure,
    requireTLS: !secure && tls === 'required',
    ignoreTLS: !secure && tls === 'off',
    opportunisticTLS: tls === 'optional',
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    dnsTimeout: timeoutMs,
    maxResponseSize: MAX_RESPONSE_BYTES,
    tls: { minVersion: 'TLSv1.2', ...(ca === undefined ? {} : { ca }) },
  });
  try {
    await withTimeout(
      new Promise<void>((resolve, reject) => {
        connection.on('error', reject);
        connection.connect((error) => (error ? reject(error) : resolve()));
      }),
      timeoutMs,
    );
    if (url.username !== '') {
      const auth = { user: decodeURIComponent(url.username), pass: decodeURIComponent(url.password) };
      await withTimeout(
        called((done) => connection.login(auth, done)),
        timeoutMs,
      );
    }
    return connection;
  } catch (error) {
    connection.close();
    throw new NotReady(`the mail server cannot be used: ${told(error)}`);
  }
}

async function isAlive(connection: SMTPConnection, timeoutMs: number): Promise<boolean> {
  try {
    await withTimeout(
      called((done) => connection.reset(done)),
      Math.min(timeoutMs, 2_000),
    );
    return true;
  } catch {
    return false;
  }
}

function quit(connection: SMTPConnection | undefined): void {
  connection?.quit();
}

/** @returns what became of it, and whether the connection can bring another */
async function sendMail(
  connection: SMTPConnection,
  { from, to, bytes }: Mail,
  timeoutMs: number,
): Promise<{ result: WireResult; alive: boolean }> {
  let lost: (error?: Error) => void = () => {};
  try {
    const envelope = { from, to, size: bytes.length };
    const info = await withTimeout(
      new Promise<string>((resolve, reject) => {
        lost = (error) => reject(error ?? Object.assign(new Error('the connection ended'), { code: 'ECONNECTION' }));
        connection.once('error', lost).once('end', lost);
        connection.send(envelope, bytes, (error, sent) => (error ? reject(error) : resolve(sent?.response ?? '')));
      }),
      timeoutMs,
    );
    return { result: { outcome: 'sent', reference: info.slice(0, MAX_TOLD) || undefined }, alive: true };
  } catch (error) {
    const failure = failureOf(error);
    const verdict = judgeSmtp(failure);
    // Whoever has answered 5yz to one mail takes the next, once it has forgotten this one.
    const alive = failure.code !== undefined && !connection.destroyed && (await isAlive(connection, timeoutMs));
    const message = told(error);
    if (verdict === 'transient') {
      return { result: { outcome: 'failed', error: message, retryAfterMs: undefined }, alive };
    }
    const address = verdict === 'permanent' ? undefined : verdict;
    return { result: { outcome: 'refused', error: message, address }, alive };
  } finally {
    connection.off('error', lost).off('end', lost);
  }
}

function failureOf(error: unknown) {
  const { command, responseCode, response } = error as { command?: string; responseCode?: number; response?: string };
  return { command, code: responseCode, response };
}

const MAX_TOLD = 300;

/** What is said of an error: the server's answer, or what kind it is; never an address of ours. */
function told(error: unknown): string {
  const { response } = failureOf(error);
  if (typeof response === 'string' && response !== '') return printable(response);
  const code = codeOf(error);
  return code === '' ? 'no answer in time' : (WHY[code] ?? code);
}

const WHY: Readonly<Record<string, string>> = {
  ECONNECTION: 'the connection ended',
  ETIMEDOUT: 'no answer in time',
  ESOCKET: 'it cannot be reached',
  EDNS: 'its name does not resolve',
  ETLS: 'TLS cannot be agreed on',
  EAUTH: 'it refuses the password',
};

function printable(text: string): string {
  return text.slice(0, MAX_TOLD).replace(/[^\x20-\x7e]+/g, ' ');
}

function called<T>(call: (done: (error: Error | null, value?: T) => void) => void): Promise<T | undefined> {
  return new Promise((resolve, reject) => call((error, value) => (error ? reject(error) : resolve(value))));
}
