import { z } from 'zod';
import { count, port, setting } from '../../infra/config/fields';

export const apiConfig = z.object({
  WAYBILL_PORT: port(8080, 'port of the API'),
  WAYBILL_METRICS_PORT: port(9464, "port of the API's `/metrics`, which is not on the public port"),
  WAYBILL_TEMPORAL_UI_URL: setting(
    z.url('expected an http(s):// URL').default('http://127.0.0.1:8233'),
    'base of links to Temporal Web UI',
    'http://127.0.0.1:8233',
  ),
  WAYBILL_MAX_BODY_BYTES: count(1_048_576, 16_777_216, 'largest request body that the API reads'),
  WAYBILL_RATE_LIMIT_PER_SECOND: count(
    10_000,
    1_000_000,
    'requests a second that one API key may make, in each API process',
  ),
});

export type ApiConfig = z.output<typeof apiConfig>;
