import { promises as dns } from 'node:dns';
import { LRUCache } from 'lru-cache';
import { codeOf } from '../../core/error-code';

/** Answers with every address of a host name, IPv4 and IPv6; rejects, with a `code`, when there is none. */
export type Resolve = (hostname: string) => Promise<string[]>;

export interface SystemResolverOptions {
  /** DNS servers, `address` or `address:port`. Default: the system's. */
  servers?: readonly string[];
  /** How long to wait for one DNS server's answer, in milliseconds; two tries. Default 1,500. */
  timeoutMs?: number;
}

/**
 * How long the second address family may take once the first has answered with addresses (RFC 8305, Resolution Delay):
 * some name servers never answer for the one that they do not have. IPv4 gets longer, because a machine without IPv6 can
 * do nothing with IPv6 addresses alone.
 */
const WAIT_FOR_IPV6_MS = 50;
const WAIT_FOR_IPV4_MS = 250;
const LIBRARY_LOOKUPS = 2;
const LIBRARY_LOOKUPS_WAITING = 500;
/** DNS errors after which the C library is asked too: it knows the hosts file and search domains. */
const ASK_LIBRARY = new Set(['ENOTFOUND', 'ENODATA', 'ECONNREFUSED']);

/**
 * Resolves by DNS, and by the C library (`getaddrinfo`) only names that DNS does not know.
 *
 * `getaddrinfo` blocks one of libuv's four threads until it has its answer. Four tenants whose name servers do not
 * answer would stop all resolution in the process, so such names must never get there: DNS queries are made by c-ares,
 * which waits without a thread, and `getaddrinfo` never gets more than two threads. The price: where the hosts file
 * contradicts DNS, DNS wins.
 */
export function createSystemResolver(options: SystemResolverOptions = {}): Resolve {
  const resolver = new dns.Resolver({ timeout: options.timeoutMs ?? 1_500, tries: 2 });
  if (options.servers !== undefined) resolver.setServers(options.servers);
  return async (hostname) => {
    if (!hostname.includes('.')) return lookupInLibrary(hostname);
    const { addresses, failures } = await firstFamilies([
      { ask: resolver.resolve4(hostname), waitForOtherMs: WAIT_FOR_IPV6_MS },
      { ask: resolver.resolve6(hostname), waitForOtherMs: WAIT_FOR_IPV4_MS },
    ]);
    if (addresses.length > 0) return addresses;
    const failure = failures.find((reason) => !ASK_LIBRARY.has(codeOf(reason)));
    if (failure !== undefined) throw failure;
    return lookupInLibrary(hostname);
  };
}

/**
 * The addresses of both families, in the questions' order; or of one, if the other is late. Leaving the late one out is
 * safe: a connection goes only to an address that was answered here and checked.
 */
function firstFamilies(
  questions: readonly { ask: Promise<string[]>; waitForOtherMs: number }[],
): Promise<{ addresses: string[]; failures: unknown[] }> {
  const answers: string[][] = questions.map(() => []);
  const failures: unknown[] = [];
  return new Promise((resolve) => {
    let open = questions.length;
    let timer: NodeJS.Timeout | undefined;
    const end = () => {
      clearTimeout(timer);
      resolve({ addresses: answers.flat(), failures });
    };
    questions.forEach(async ({ ask, waitForOtherMs }, index) => {
      const answer = await ask.catch((error: unknown) => {
        failures.push(error);
        return [];
      });
      answers[index] = answer;
      open--;
      if (open === 0) end();
      else if (answer.length > 0) timer = setTimeout(end, waitForOtherMs);
    });
  });
}

/**
 * Shares one lookup among simultaneous requests for a name and reuses its answer for `ttlMs`: opening sixty sockets to
 * a receiver asks DNS once. Failures are not cached.
 */
export function shareAnswers(resolve: Resolve, ttlMs: number): Resolve {
  const answers = new LRUCache<string, Promise<string[]>>({ max: 5_000, ttl: Math.max(1, Math.round(ttlMs)) });
  return (hostname) => {
    const known = answers.get(hostname);
    if (known !== undefined) return known;
    const answer = resolve(hostname);
    answers.set(hostname, answer);
    answer.catch(() => {
      if (answers.peek(hostname) === answer) answers.delete(hostname);
    });
    return answer;
  };
}

let lookups = 0;
const waiting: (() => void)[] = [];

async function lookupInLibrary(hostname: string): Promise<string[]> {
  if (lookups >= LIBRARY_LOOKUPS) {
    if (waiting.length >= LIBRARY_LOOKUPS_WAITING)
      throw Object.assign(new Error('resolver busy'), { code: 'EAI_AGAIN' });
    await new Promise<void>((resolve) => waiting.push(resolve));
  } else {
    lookups++;
  }
  try {
    return (await dns.lookup(hostname, { all: true, verbatim: true })).map((entry) => entry.address);
  } finally {
    // Passes its slot on, or frees it.
    const next = waiting.shift();
    if (next === undefined) lookups--;
    else next();
  }
}
