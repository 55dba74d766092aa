import { type ExpectedVersion, outdatedDetail } from '../../../core/expected-version';
import type { PublicId } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import { WebhookRefusal } from '../refusals';
import { findPriorityRules, type PriorityRules, storePriorityRules } from '../store/lane-rules';

/**
 * Lays down which weekdays matter to a tenant, 1 for Monday to 7 for Sunday.
 *
 * @throws WebhookRefusal when the rules are none of the expected revisions
 */
export async function changePriorityRules(
  db: Queryable,
  place: { tenantId: PublicId; expected: ExpectedVersion | undefined },
  weekdays: readonly number[],
): Promise<PriorityRules> {
  const stored = await storePriorityRules(db, place, weekdays);
  if (stored !== undefined) return stored;
  const { revision: version } = await findPriorityRules(db, place.tenantId);
  throw new WebhookRefusal('changed-meanwhile', outdatedDetail('The rules', version), { version });
}
