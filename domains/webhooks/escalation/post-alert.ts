import { request } from 'undici';
import { codeOf } from '../../../core/error-code';

/** Where alerts of a kind go. */
export interface AlertChannel {
  url: string;
  token: string | undefined;
  /** JSON with places: see `fillJsonTemplate`. */
  template: string;
}

export interface AlertPost {
  url: string;
  token: string | undefined;
  body: string;
  /** Names the alert: it is the same when it is sent again. */
  key: string;
}

/** For one try, from connecting to the end of the answer. */
const DEADLINE_MS = 5_000;
const TRIES = 3;
const PAUSE_MS = 500;

/** Thrown with what went wrong, but not with the URL, which may be a secret. */
export class AlertNotSent extends Error {
  override name = 'AlertNotSent';
}

/**
 * Posts JSON, up to three times, five seconds each. Redirects are not followed.
 *
 * @throws AlertNotSent when none was answered with 2xx
 */
export async function postAlert({ url, token, body, key }: AlertPost): Promise<void> {
  let problem = '';
  for (let tries = 1; tries <= TRIES; tries++) {
    try {
      const answer = await request(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'idempotency-key': key,
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        },
        body,
        signal: AbortSignal.timeout(DEADLINE_MS),
      });
      await answer.body.dump({ limit: 65_536 });
      if (answer.statusCode >= 200 && answer.statusCode < 300) return;
      problem = `it answered ${answer.statusCode}`;
    } catch (error) {
      problem = codeOf(error) || 'it could not be reached';
    }
    if (tries < TRIES) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * tries));
  }
  throw new AlertNotSent(problem);
}
