import { createHash } from 'node:crypto';
import { type PublicId, toUuid } from '../../../core/ids';

/** An account: its tenant, code (`ACCOUNTS`) and currency. */
export interface AccountRef {
  tenantId: PublicId;
  code: string;
  currency: string;
}

/** The account's id in the database: derived, so it never has to be looked up. */
export function accountId({ tenantId, code, currency }: AccountRef): string {
  return createHash('md5')
    .update(`${toUuid(tenantId)}|${code}|${currency}`)
    .digest('hex');
}

/**
 * {@link accountId} as SQL, for statements that post or sum up thousands. Each part is an SQL expression.
 *
 * @param parts - `tenant`: the tenant's id as text, 32 hex digits
 */
export function accountIdSql({ tenant, code, currency }: { tenant: string; code: string; currency: string }): string {
  return `md5(${tenant} || '|' || ${code} || '|' || ${currency})::uuid`;
}
