import type { Pool } from 'pg';
import { NODE_ZONE_RULES_VERSION, ruleDifference, ZONE_RULES_VERSION } from '../../core/zone-rules';
import type { Logger } from '../../infra/log';
import { nextDays } from './due-days';

const YEARS_AHEAD = 2;

/**
 * Says which time zones of businesses Node knows other rules for than days are computed by. That is no fault as long as
 * ours are the newer ones; once Node's are, the package with the rules wants an upgrade.
 */
export async function compareZones({ pool, log }: { pool: Pool; log: Logger }, now = new Date()): Promise<void> {
  const versions = { ours: ZONE_RULES_VERSION, node: NODE_ZONE_RULES_VERSION };
  if (NODE_ZONE_RULES_VERSION > ZONE_RULES_VERSION) {
    log.warn(versions, "days are computed by older rules for time zones than Node's: upgrade moment-timezone");
  }
  const zones = new Set<string>();
  for await (const { business } of nextDays(pool)) zones.add(business.timeZone);
  const until = new Date(now);
  until.setUTCFullYear(until.getUTCFullYear() + YEARS_AHEAD);
  for (const timeZone of zones) {
    const since = ruleDifference(timeZone, now, until);
    if (since !== undefined)
      log.warn({ timeZone, since, ...versions }, 'Node knows other rules for a time zone in use');
  }
}
