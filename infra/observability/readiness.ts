import { TimedOut, withTimeout } from '../../core/timeout';

const READINESS_TIMEOUT_MS = 2_000;

/**
 * What a readiness page says of a server that was asked: `ok`, or in a few words what is wrong. Never the error's own
 * text, which names hosts, users and databases, while everybody may read the page.
 */
export function stateOf(check: Promise<unknown>): Promise<string> {
  return withTimeout(check, READINESS_TIMEOUT_MS).then(
    () => 'ok',
    (error: unknown) => (error instanceof TimedOut ? 'no answer' : 'out of reach'),
  );
}
