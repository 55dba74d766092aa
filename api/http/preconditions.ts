import type { IncomingMessage } from 'node:http';
import { Problem } from './problems';

/** Anything that can name a host and a port; nothing that could be mistaken for a path or a list. */
const HOST = /^[A-Za-z0-9._~%!$&'()*+;=:[\]-]*$/;

/**
 * What is wrong with a request whatever it asks for (RFC 9112, 3.2; RFC 9110, 10.1.1): without one `Host` a proxy and this
 * server may take it for different sites, and an expectation that is not understood must not be ignored.
 */
export function brokenPrecondition(req: IncomingMessage): Problem | undefined {
  const { host, expect } = req.headers;
  if (host === undefined) {
    return req.httpVersion === '1.0' ? undefined : refused('Send the header Host: HTTP/1.1 needs one.');
  }
  if (!HOST.test(host)) return refused('The header Host is not a host and a port.');
  if (countHosts(req.rawHeaders) > 1) return refused('Send the header Host once; this request has it several times.');
  if (expect === undefined || expect.toLowerCase() === '100-continue') return undefined;
  return new Problem('expectation-failed');
}

function refused(detail: string): Problem {
  return new Problem('malformed-request', { detail });
}

/** Node shows the first one alone. */
function countHosts(rawHeaders: readonly string[]): number {
  let hosts = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at];
    if (name?.length === 4 && name.toLowerCase() === 'host') hosts++;
  }
  return hosts;
}
