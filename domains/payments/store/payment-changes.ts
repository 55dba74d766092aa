import { type PublicId, toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import type { Fee } from '../../merchants';
import type { ProviderSays } from '../rules/charge';
import { PAYMENT_MOVES, type PaymentMove } from '../rules/payment-states';
import { PAYMENT_COLUMNS, type Payment, type PaymentRow, paymentFromRow } from './payments';

/** A payment's move to another state, and what changes with it. What is omitted stays, except the code, which is cleared. */
export interface PaymentChange {
  id: PublicId;
  move: PaymentMove;
  /** Only if this is the payment's lease: for moves that are not facts. */
  claim?: string | undefined;
  declineCode?: string | undefined;
  providerReference?: string | undefined;
  capture?: { at: Date; fee: Fee; feeScheduleId: PublicId; amount?: bigint | undefined };
  says?: ProviderSays | undefined;
}

const CHANGE = `
UPDATE payments p
SET state = i.target, decline_code = i.code, provider_reference = coalesce(i.charge, p.provider_reference),
    captured_at = coalesce(i.captured, p.captured_at), fee = coalesce(i.fee, p.fee), fee_tax = coalesce(i.tax, p.fee_tax),
    fee_schedule_id = coalesce(i.schedule, p.fee_schedule_id),
    captured_amount = coalesce(i.captured_amount, p.captured_amount),
    provider_says = coalesce(i.says, p.provider_says), reviews = p.reviews + i.reviewed,
    order_released = p.order_released OR i.released, claim = NULL, next_step_at = now(), updated_at = now()
FROM json_to_recordset($1::json) AS i(
  id uuid, sources text[], target text, claim uuid, code text, charge text, captured timestamptz, captured_amount bigint,
  fee bigint, tax bigint, schedule uuid, says jsonb, reviewed int, released boolean, by_person boolean)
WHERE p.id = i.id AND p.state = ANY (i.sources) AND (i.claim IS NULL OR p.claim = i.claim)
  -- Its order may be paid by another payment by now: only a person decides.
  AND (i.by_person OR NOT p.order_released)
RETURNING ${PAYMENT_COLUMNS.split(',')
  .map((column) => `p.${column.trim()}`)
  .join(', ')}`;

/**
 * Moves payments to other states, in one statement. Index: payments_pkey.
 *
 * @param changes - of different payments
 * @returns the payments that moved, by id; one is absent when its state or its lease did not allow it
 */
export async function changePayments(
  db: Queryable,
  changes: readonly PaymentChange[],
): Promise<ReadonlyMap<PublicId, Payment>> {
  if (changes.length === 0) return new Map();
  const input = changes.map(({ id, move, claim, declineCode, providerReference, capture, says }) => ({
    id: toUuid(id),
    sources: PAYMENT_MOVES[move].from,
    target: PAYMENT_MOVES[move].to,
    claim,
    code: declineCode,
    charge: providerReference,
    captured: capture?.at,
    captured_amount: capture?.amount?.toString(),
    fee: capture?.fee.fee.toString(),
    tax: capture?.fee.tax.toString(),
    schedule: capture && toUuid(capture.feeScheduleId),
    says,
    reviewed: 'tells' in PAYMENT_MOVES[move] && PAYMENT_MOVES[move].tells === 'payment.needs_review' ? 1 : 0,
    released: move === 'surface',
    by_person: PAYMENT_MOVES[move].by === 'person',
  }));
  const { rows } = await db.query<PaymentRow>({
    name: 'change-payments',
    text: CHANGE,
    values: [JSON.stringify(input)],
  });
  return new Map(rows.map(paymentFromRow).map((payment) => [payment.id, payment]));
}

/** As {@link changePayments}, for one. */
export async function movePayment(
  db: Queryable,
  id: PublicId,
  move: PaymentMove,
  change: Omit<PaymentChange, 'id' | 'move'> = {},
): Promise<Payment | undefined> {
  return (await changePayments(db, [{ ...change, id, move }])).get(id);
}
