import { clockMs } from '../kit/clock';
import { Connections } from '../kit/connections';

const AT_ONCE = 16;
const ANSWER_WITHIN_MS = 5_000;

export interface ChecksOptions {
  port: number;
  key: string;
  subscribers: readonly string[];
  category: string;
  seconds: number;
}

/** Asks whether subscribers may be sent something, as fast as it is answered. @returns answers a second. @throws when any failed */
export async function timeChecks({ port, key, subscribers, category, seconds }: ChecksOptions): Promise<number> {
  const requests = subscribers.map((id) => {
    const head = `GET /v1/subscribers/${id}/check?channel=in_app&category=${category} HTTP/1.1`;
    return Buffer.from(`${head}\r\nhost: 127.0.0.1:${port}\r\nauthorization: Bearer ${key}\r\n\r\n`);
  });
  const connections = new Connections({ port, max: AT_ONCE, timeoutMs: ANSWER_WITHIN_MS });
  const until = clockMs() + seconds * 1_000;
  let answered = 0;
  let refused = 0;
  let next = 0;
  const loop = () =>
    new Promise<void>((resolve) => {
      const one = () => {
        const request = requests[next++ % requests.length];
        if (clockMs() >= until || request === undefined) resolve();
        else
          connections.send(request, (status) => {
            if (status === 200) answered++;
            else refused++;
            one();
          });
      };
      one();
    });
  await Promise.all(Array.from({ length: AT_ONCE }, loop));
  connections.close();
  if (refused > 0) throw new Error(`${refused} checks were refused`);
  return answered / seconds;
}
