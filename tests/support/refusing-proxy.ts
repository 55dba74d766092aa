import { connect, createServer, type IncomingHttpHeaders, type ServerHttp2Session } from 'node:http2';
import type { AddressInfo } from 'node:net';

/** gRPC's status codes for a caller that may not. */
export const REFUSAL = { permissionDenied: 7, unimplemented: 12, unauthenticated: 16 } as const;

export interface RefusingProxy {
  /** `host:port` */
  address: string;
  close(): Promise<void>;
}

/** Passes gRPC calls on to a server, and refuses those whose path contains one of the given texts. */
export async function startRefusingProxy(
  target: string,
  refused: readonly string[],
  status: number,
): Promise<RefusingProxy> {
  const upstream = connect(`http://${target}`);
  const sessions = new Set<ServerHttp2Session>();
  const server = createServer();
  server.on('session', (session) => {
    sessions.add(session);
  });
  server.on('stream', (stream, headers) => {
    const path = headers[':path'] ?? '';
    stream.on('error', () => {});
    if (refused.some((part) => path.includes(part))) {
      stream.respond(
        { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': status, 'grpc-message': 'refused' },
        { endStream: true },
      );
      return;
    }
    const { ':authority': _authority, ...passed } = headers;
    const call = upstream.request(passed);
    let trailers: IncomingHttpHeaders = {};
    call.on('error', () => stream.close());
    call.on('trailers', (last) => {
      trailers = last;
    });
    call.on('response', (answer) => {
      stream.respond(answer, { waitForTrailers: true });
      call.pipe(stream);
    });
    stream.on('wantTrailers', () => stream.sendTrailers(trailers));
    stream.pipe(call);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      for (const session of sessions) session.destroy();
      upstream.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
