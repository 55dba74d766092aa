import type { AddressInfo } from 'node:net';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';

/** A mail that the server has taken. */
export interface TakenMail {
  to: string;
  /** With its headers, as it came. */
  raw: string;
  messageId: string;
  at: number;
}

/** A real SMTP server on this machine. */
export interface MailServer {
  url: string;
  taken: TakenMail[];
  /** What a recipient is answered instead of being taken: a reply such as `550 5.1.1 No such user`, or what finds it. */
  refuse: Map<string, string | (() => Promise<string>)>;
  /** Called before a mail is answered with 250. */
  hold: (mail: TakenMail) => Promise<void>;
  connections(): number;
  /** Closes every connection, as it is. */
  cut(): void;
  close(): Promise<void>;
}

export async function startMailServer(options: SMTPServerOptions = {}): Promise<MailServer> {
  const taken: TakenMail[] = [];
  const refuse: MailServer['refuse'] = new Map();
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    logger: false,
    disableReverseLookup: true,
    onRcptTo({ address }, _session, callback) {
      const found = refuse.get(address);
      if (found === undefined) return callback();
      Promise.resolve(typeof found === 'string' ? found : found()).then(
        (reply) => callback(Object.assign(new Error(reply.slice(4)), { responseCode: Number(reply.slice(0, 3)) })),
        callback,
      );
    },
    onData(stream, session, callback) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const raw = Buffer.concat(chunks).toString();
        const mail = {
          to: session.envelope.rcptTo[0]?.address ?? '',
          raw,
          messageId: /^Message-ID: (<.*>)\r?$/im.exec(raw)?.[1] ?? '',
          at: Date.now(),
        };
        taken.push(mail);
        mailServer.hold(mail).then(() => callback(), callback);
      });
    },
    ...options,
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.server.address() as AddressInfo;
  const mailServer: MailServer = {
    url: `smtp://127.0.0.1:${port}`,
    taken,
    refuse,
    hold: async () => {},
    connections: () => server.connections.size,
    cut: () => {
      for (const connection of server.connections) connection.close();
    },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
  return mailServer;
}

/** The value of a header, unfolded. */
export function headerIn({ raw }: TakenMail, name: string): string | undefined {
  const head = raw.slice(0, raw.indexOf('\r\n\r\n')).replace(/\r\n[ \t]+/g, ' ');
  return new RegExp(`^${name}: (.*)$`, 'im').exec(head)?.[1];
}
