import { Problem, scopeChallenge } from './problems';

/** The problem of a request without a usable API key. Says the same whatever is wrong with the key. */
export function unauthenticated(header: string | undefined): Problem {
  const error = header === undefined ? '' : ', error="invalid_token"';
  return new Problem('unauthenticated', { headers: { 'www-authenticate': `Bearer realm="waybill"${error}` } });
}

/** The problem of a key without the scope that a route needs. */
export function lacksScope(scope: string): Problem {
  return new Problem('insufficient-scope', {
    detail: `This needs an API key with the scope "${scope}".`,
    headers: scopeChallenge(scope),
  });
}
