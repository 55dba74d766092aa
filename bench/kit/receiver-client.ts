import { type ArrivalsReport, NO_ARRIVALS } from './arrivals';

const ANSWER_WITHIN_MS = 20_000;

/** A client of the receiver's process. */
export class ReceiverClient {
  constructor(
    private readonly port: number,
    private readonly secondPort: number,
  ) {}

  /**
   * The URL of an endpoint. `failing` is the share of requests that are answered 500; `failFirst` has every so many-th
   * message answered 500 the first time it comes in.
   */
  url(endpoint: number, options: { failing?: number; failFirst?: number; second?: boolean } = {}): string {
    const port = options.second === true ? this.secondPort : this.port;
    const query = new URLSearchParams();
    if (options.failing !== undefined) query.set('fail', String(options.failing));
    if (options.failFirst !== undefined) query.set('failFirst', String(options.failFirst));
    return `http://127.0.0.1:${port}/in/${endpoint}${query.size === 0 ? '' : `?${query}`}`;
  }

  /** Distinct messages of a step that came in, over all endpoints. */
  async count(step: number): Promise<number> {
    const { distinct } = (await this.#ask('GET', `/steps/${step}/count`)) as { distinct: number };
    return distinct;
  }

  /** What came in of a step, by endpoint. */
  async arrivals(step: number): Promise<(endpoint: number) => ArrivalsReport> {
    const reports = (await this.#ask('GET', `/steps/${step}`)) as Record<string, ArrivalsReport>;
    return (endpoint) => reports[endpoint] ?? NO_ARRIVALS;
  }

  /** What `failFirst` refused of a step, by endpoint. */
  async refusals(step: number): Promise<(endpoint: number) => ArrivalsReport> {
    const reports = (await this.#ask('GET', `/steps/${step}/refused`)) as Record<string, ArrivalsReport>;
    return (endpoint) => reports[endpoint] ?? NO_ARRIVALS;
  }

  /** From now on, webhooks are answered so many milliseconds after they came in. */
  async setDelay(ms: number): Promise<void> {
    await this.#ask('POST', `/delay/${ms}`);
  }

  /** Opens or closes the second port; closed, connections to it are refused. */
  async setSecond(state: 'up' | 'down'): Promise<void> {
    await this.#ask('POST', `/second/${state}`);
  }

  async #ask(method: string, path: string): Promise<unknown> {
    const signal = AbortSignal.timeout(ANSWER_WITHIN_MS);
    const response = await fetch(`http://127.0.0.1:${this.port}${path}`, { method, signal });
    if (!response.ok) throw new Error(`the receiver answered ${method} ${path} with ${response.status}`);
    const text = await response.text();
    return text === '' ? undefined : JSON.parse(text);
  }
}
