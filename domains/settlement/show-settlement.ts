import type { PublicId } from '../../core/ids';
import type { Queryable } from '../../infra/postgres/pool';
import { findMerchant } from '../merchants';
import { noSettlement, SettlementRefusal } from './refusals';
import type { Statement } from './rules/statement';
import { countSetAside, type Hold, setAsideIn } from './store/set-aside';
import { statementsOfMerchant } from './store/settlement-records';
import { findRun, type SettlementRun } from './store/settlement-runs';
import { type CurrencyTotals, totalsOfRun } from './store/settlement-stats';

/** How many of the merchants that a day sets aside are shown with it. */
const MAX_SHOWN = 100;

/** The settlement of a day as it stands, what it comes to by currency, and whom it leaves out. @throws SettlementRefusal `no-settlement` */
export async function showSettlement(
  db: Queryable,
  tenantId: PublicId,
  date: string,
): Promise<{ run: SettlementRun; totals: CurrencyTotals[]; setAside: Hold[]; setAsideCount: number }> {
  const run = await findRun(db, tenantId, date);
  if (run === undefined) throw noSettlement();
  const setAside = await setAsideIn(db, run.id, MAX_SHOWN);
  const setAsideCount = setAside.length < MAX_SHOWN ? setAside.length : await countSetAside(db, run.id);
  return { run, totals: await totalsOfRun(db, run.id), setAside, setAsideCount };
}

/**
 * A merchant's statements of a day, one per currency.
 *
 * @throws SettlementRefusal `no-settlement`, `no-merchant`
 */
export async function showStatements(
  db: Queryable,
  { tenantId, date, merchantId }: { tenantId: PublicId; date: string; merchantId: PublicId },
): Promise<Statement[]> {
  const run = await findRun(db, tenantId, date);
  const merchant = await findMerchant(db, tenantId, merchantId);
  if (run === undefined) throw noSettlement();
  if (merchant === undefined) throw new SettlementRefusal('no-merchant');
  return statementsOfMerchant(db, run.id, merchant.id);
}
