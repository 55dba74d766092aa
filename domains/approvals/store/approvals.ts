import { fromUuid, type PublicId, toUuid } from '../../../core/ids';
import { APPROVALS_LIST } from '../../../infra/postgres/followed-lists';
import { mapPage, type Page, type PageRequest, readPage } from '../../../infra/postgres/keyset';
import type { Queryable } from '../../../infra/postgres/pool';
import type { ApprovalState } from '../rules/approval-states';

/** A command, and who had to agree to it. */
export interface Approval {
  id: PublicId;
  tenantId: PublicId;
  /** Which command, such as `refund.resolve`. */
  action: string;
  /** What it is about, such as `ref_…`. */
  subject: PublicId;
  /** The command's input, as JSON. */
  command: unknown;
  /** What was held against the threshold, in minor units. */
  amount: bigint;
  currency: string;
  state: ApprovalState;
  /** API keys. */
  requestedBy: PublicId;
  decidedBy: PublicId | undefined;
  createdAt: Date;
  decidedAt: Date | undefined;
}

interface Row {
  id: string;
  tenant_id: string;
  action: string;
  subject: string;
  command: unknown;
  amount: string;
  currency: string;
  state: ApprovalState;
  requested_by: string;
  decided_by: string | null;
  created_at: Date;
  decided_at: Date | null;
}

const COLUMNS = `id, tenant_id, action, subject, command, amount, currency, state, requested_by, decided_by, created_at,
  decided_at`;

export type NewApproval = Omit<Approval, 'decidedBy' | 'createdAt' | 'decidedAt'>;

/** @throws a unique violation when another command about the same thing waits */
export async function insertApproval(db: Queryable, approval: NewApproval): Promise<Approval> {
  const { rows } = await db.query<Row>({
    name: 'insert-approval',
    text: `INSERT INTO payment_approvals (id, tenant_id, action, subject, command, amount, currency, state, requested_by)
           VALUES ($1, $2, $3, $4, $5::jsonb, $6, $7, $8, $9) RETURNING ${COLUMNS}`,
    values: [
      toUuid(approval.id),
      toUuid(approval.tenantId),
      approval.action,
      approval.subject,
      JSON.stringify(approval.command),
      approval.amount.toString(),
      approval.currency,
      approval.state,
      approval.requestedBy,
    ],
  });
  const [row] = rows;
  if (row === undefined) throw new Error('the insert returned no row');
  return fromRow(row);
}

/** Index: payment_approvals_pkey. */
export async function findApproval(db: Queryable, tenantId: PublicId, id: PublicId): Promise<Approval | undefined> {
  const { rows } = await db.query<Row>({
    name: 'find-approval',
    text: `SELECT ${COLUMNS} FROM payment_approvals WHERE id = $1 AND tenant_id = $2`,
    values: [toUuid(id), toUuid(tenantId)],
  });
  return rows[0] === undefined ? undefined : fromRow(rows[0]);
}

/** The command about something that waits for approval. Index: payment_approvals_waiting. */
export async function findWaitingApproval(db: Queryable, subject: PublicId): Promise<Approval | undefined> {
  const { rows } = await db.query<Row>({
    name: 'find-waiting-approval',
    text: `SELECT ${COLUMNS} FROM payment_approvals WHERE subject = $1 AND state = 'waiting'`,
    values: [subject],
  });
  return rows[0] === undefined ? undefined : fromRow(rows[0]);
}

/** As {@link findApproval}, locked until the transaction ends. */
export async function lockApproval(db: Queryable, tenantId: PublicId, id: PublicId): Promise<Approval | undefined> {
  const { rows } = await db.query<Row>({
    name: 'lock-approval',
    text: `SELECT ${COLUMNS} FROM payment_approvals WHERE id = $1 AND tenant_id = $2 FOR UPDATE`,
    values: [toUuid(id), toUuid(tenantId)],
  });
  return rows[0] === undefined ? undefined : fromRow(rows[0]);
}

/** Decides a waiting command. @returns `undefined` when it does not wait */
export async function decideApproval(
  db: Queryable,
  id: PublicId,
  state: 'approved' | 'rejected',
  by: PublicId,
): Promise<Approval | undefined> {
  const { rows } = await db.query<Row>({
    name: 'decide-approval',
    text: `UPDATE payment_approvals SET state = $2, decided_by = $3, decided_at = now()
           WHERE id = $1 AND state = 'waiting' RETURNING ${COLUMNS}`,
    values: [toUuid(id), state, by],
  });
  return rows[0] === undefined ? undefined : fromRow(rows[0]);
}

/** Index: payment_approvals_by_tenant. */
export async function listApprovals(
  db: Queryable,
  tenantId: PublicId,
  filter: { state?: ApprovalState | undefined },
  request: PageRequest,
): Promise<Page<Approval>> {
  const query = {
    columns: `${COLUMNS}, place`,
    table: 'payment_approvals',
    followed: APPROVALS_LIST,
    index: { prefix: ['tenant_id', toUuid(tenantId)] as const, key: 'place' },
    filter: filter.state === undefined ? [] : [['state = ?', filter.state] as const],
  };
  return mapPage(await readPage<Row>(db, query, request), fromRow);
}

function fromRow(row: Row): Approval {
  return {
    id: fromUuid('apr', row.id),
    tenantId: fromUuid('ten', row.tenant_id),
    action: row.action,
    subject: row.subject,
    command: row.command,
    amount: BigInt(row.amount),
    currency: row.currency,
    state: row.state,
    requestedBy: row.requested_by,
    decidedBy: row.decided_by ?? undefined,
    createdAt: row.created_at,
    decidedAt: row.decided_at ?? undefined,
  };
}
