import { z } from 'zod';
import { setting } from '../../infra/config/fields';

export const accountsConfig = z.object({
  WAYBILL_ADMIN_KEY: setting(
    z
      .string()
      .regex(/^wb_live_[0-9a-f]{32}_[A-Za-z0-9_-]{43}$/, 'expected wb_live_<32 hex digits>_<43 base64url characters>')
      .optional(),
    "the first administrator's API key, `wb_live_<32 hex>_<43 characters>`; created at start if it does not exist",
  ),
});
