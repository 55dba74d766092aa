import { z } from 'zod';
import { count, duration, list, port, setting, WITHOUT_CREDENTIALS } from '../../infra/config/fields';
import { parseRanges } from '../../infra/http/address-ranges';

export const apiConfig = z.object({
  WAYBILL_PORT: port(8080, 'port of the API'),
  WAYBILL_METRICS_PORT: port(9464, "port of the API's `/metrics`, which is not on the public port"),
  WAYBILL_TEMPORAL_UI_URL: setting(
    z
      .url('expected an http(s):// URL')
      .refine(...WITHOUT_CREDENTIALS)
      .default('http://127.0.0.1:8233'),
    'base of links to Temporal Web UI',
    'http://127.0.0.1:8233',
  ),
  WAYBILL_MAX_BODY_BYTES: count(1_048_576, 16_777_216, 'largest request body that the API reads'),
  WAYBILL_UPLOAD_TIMEOUT: duration('30s', 'how long a request may take to arrive; then it is answered 408'),
  WAYBILL_RATE_LIMIT_PER_SECOND: count(
    2_000,
    1_000_000,
    "requests a second that a tenant's API keys may make together, in each API process",
  ),
  WAYBILL_UNKNOWN_KEYS_PER_SECOND: count(
    20,
    1_000_000,
    'API keys that do not exist that one address may try a second, five times as many at once',
  ),
  WAYBILL_TRUSTED_PROXIES: setting(
    list('').refine(areRanges, 'expected CIDR ranges such as 10.0.0.0/8, comma separated'),
    "CIDR ranges of the proxies before the API, whose `X-Forwarded-For` names the client's address",
  ),
});

function areRanges(texts: readonly string[]): boolean {
  try {
    parseRanges(texts);
    return true;
  } catch {
    return false;
  }
}

export type ApiConfig = z.output<typeof apiConfig>;
