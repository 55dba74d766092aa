import { z } from 'zod';

const PORT = 26_379;
/** Several hosts are nothing that `URL` can read. */
const SHAPE =
  /^(rediss?)\+sentinel:\/\/(?:([^:@/]*)(?::([^@/]*))?@)?([^@/?#]+)\/([^/?#]+)(?:\/(\d{1,4}))?(?:\?([^#]*))?$/;
const HOST = /^(?:([\w.-]+)|\[([\da-fA-F:.]+)\])(?::(\d{1,5}))?$/;

const place = z.object({ host: z.string(), port: z.int().min(1).max(65_535) });
const query = z.strictObject({
  sentinel_username: z.string().optional(),
  sentinel_password: z.string().min(1).optional(),
});

/** A Redis that Sentinels watch, as ioredis takes it. */
export interface SentinelAddress {
  sentinels: { host: string; port: number }[];
  /** What the Sentinels call it. */
  name: string;
  db: number;
  username?: string;
  password?: string;
  sentinelUsername?: string;
  sentinelPassword?: string;
  /** Whether Redis and the Sentinels are spoken to with TLS. */
  secure: boolean;
}

/** Whether it is meant to name Sentinels, well or not. */
export function namesSentinels(address: string): boolean {
  return /^rediss?\+sentinel:/.test(address);
}

/**
 * Reads `redis+sentinel://user:password@sentinel:port,sentinel:port/name/database?sentinel_password=…`, or the same with
 * `rediss`. User and password are those of Redis; all but hosts and name may be left out. What has characters that mean
 * something in a URL is percent-encoded.
 *
 * @returns undefined for what is not such an address
 */
export function parseSentinelAddress(address: string): SentinelAddress | undefined {
  const [, scheme, user, password, hosts, name, db, asked] = SHAPE.exec(address) ?? [];
  if (hosts === undefined || name === undefined) return undefined;
  const sentinels = z.array(place).safeParse(hosts.split(',').map(placeOf));
  const own = query.safeParse(Object.fromEntries(new URLSearchParams(asked)));
  if (!sentinels.success || !own.success) return undefined;
  const { sentinel_username: sentinelUsername, sentinel_password: sentinelPassword } = own.data;
  try {
    return {
      sentinels: sentinels.data,
      name: decodeURIComponent(name),
      db: Number(db ?? 0),
      ...(user ? { username: decodeURIComponent(user) } : {}),
      ...(password ? { password: decodeURIComponent(password) } : {}),
      ...(sentinelUsername === undefined ? {} : { sentinelUsername }),
      ...(sentinelPassword === undefined ? {} : { sentinelPassword }),
      secure: scheme === 'rediss',
    };
  } catch {
    // Not percent-encoded as it should be.
    return undefined;
  }
}

function placeOf(text: string): unknown {
  const [, name, bracketed, port] = HOST.exec(text) ?? [];
  return { host: name ?? bracketed, port: port === undefined ? PORT : Number(port) };
}
