import type { EndpointSettings } from '../store/endpoints';

/** `limit` deliveries in every `period` milliseconds. */
export interface Rate {
  limit: number;
  period: number;
}

/** A rate as it is stored. @param rate - null for none */
export function rateLimitOf(rate: Rate | null): EndpointSettings['rateLimit'] {
  return rate === null ? undefined : { limit: rate.limit, periodMs: rate.period };
}
