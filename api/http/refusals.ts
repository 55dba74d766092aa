import { Problem } from './problems';

/** The problem of a request without a usable API key. Says the same whatever is wrong with the key. */
export function unauthenticated(header: string | undefined): Problem {
  const error = header === undefined ? '' : ', error="invalid_token"';
  return new Problem('unauthenticated', { headers: { 'www-authenticate': `Bearer realm="waybill"${error}` } });
}

/** The problem of a key without a scope. */
export function lacksScope(scope: string, detail = `This needs an API key with the scope "${scope}".`): Problem {
  return new Problem('insufficient-scope', {
    detail,
    headers: { 'www-authenticate': `Bearer realm="waybill", error="insufficient_scope", scope="${scope}"` },
  });
}
