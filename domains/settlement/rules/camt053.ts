import { toUuid } from '../../../core/ids';
import { formatDecimal } from '../../../core/money';
import { ISSUER } from './camt053-entry';
import { endToEndId } from './references';
import {
  allMovements,
  balanceMovements,
  type Movement,
  type NamedStatement,
  type SettledDay,
  type Statement,
  type StatementTransaction,
} from './statement';

// ISO 20022 camt.053.001.08, written front to back: a `Stmt` per merchant and currency, an `Ntry` per movement.
// References in the standard have at most 35 characters, so ids go without their prefix: 32 hex digits.

const MS_PER_DAY = 86_400_000;

/** How many entries of a statement are credits and debits, and their sums; both sums are positive. */
export interface EntryTotals {
  credits: { count: bigint; sum: bigint };
  debits: { count: bigint; sum: bigint };
}

/** The message up to its first statement. */
export function camtBegin(day: SettledDay): string {
  const note = day.state === 'needs_review' ? element('AddtlInf', 'Held for review: may still change.') : '';
  return (
    '<?xml version="1.0" encoding="UTF-8"?>\n' +
    '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>' +
    `<GrpHdr>${element('MsgId', toUuid(day.runId))}${element('CreDtTm', day.settledAt.toISOString())}${note}</GrpHdr>\n`
  );
}

/** The message's end. The message must have a statement. */
export const CAMT_END = '</BkToCstmrStmt></Document>\n';

/** A statement's end. */
export const STATEMENT_END = '</Stmt>\n';

/**
 * A statement up to its entries: account, balances and sums.
 *
 * @param transactions - the sums of the transactions' entries, if each has one; otherwise they are summed up as movements
 */
export function statementBegin(day: SettledDay, statement: NamedStatement, transactions?: EntryTotals): string {
  const { currency } = statement;
  const movements = transactions === undefined ? allMovements(statement) : balanceMovements(statement);
  return [
    '<Stmt>',
    element('Id', statementId(day, statement)),
    element('ElctrncSeqNb', String(Date.parse(day.date) / MS_PER_DAY)),
    element('CreDtTm', day.settledAt.toISOString()),
    `<FrToDt>${element('FrDtTm', day.periodStart.toISOString())}${element('ToDtTm', day.periodEnd.toISOString())}</FrToDt>`,
    `<Acct><Id><Othr>${element('Id', toUuid(statement.merchantId))}</Othr></Id>${element('Ccy', currency)}`,
    `${name(statement.merchantName)}</Acct>`,
    balance('OPBD', statement.opening, currency, day.date),
    balance('CLBD', statement.closing, currency, day.date),
    summary(addMovements(transactions ?? NO_ENTRIES, movements), currency),
    ...movements.map((movement) => movementEntry(day, statement, movement)),
  ].join('');
}

/** A transaction's entry: its effect on the balance, with its charges and its gross amount. */
export function transactionEntry(day: SettledDay, transaction: StatementTransaction): string {
  const { currency, kind, reference, orderReference, net } = transaction;
  const id = toUuid(transaction.id);
  const details = [
    `<Refs>${element('AcctSvcrRef', id)}${element('EndToEndId', endToEndId(reference, transaction.id))}</Refs>`,
    amount(net, currency),
    `<AmtDtls><InstdAmt>${money('Amt', transaction.gross, currency)}</InstdAmt></AmtDtls>`,
    `<RmtInf>${inPieces('Ustrd', reference)}${ofOrder(orderReference)}</RmtInf>`,
    transaction.late ? element('AddtlTxInf', 'Late: of a day that had been settled before.') : '',
  ];
  return [
    '<Ntry>',
    element('NtryRef', id),
    amount(net, currency),
    kind === 'chargeback_reversal' || kind === 'refund_reversal' ? element('RvslInd', 'true') : '',
    booked(day),
    `<ValDt>${element('DtTm', transaction.effectiveAt.toISOString())}</ValDt>`,
    element('AcctSvcrRef', id),
    code(kind.toUpperCase()),
    charges(transaction),
    `<NtryDtls><TxDtls>${details.join('')}</TxDtls></NtryDtls>`,
    '</Ntry>\n',
  ].join('');
}

/** The totals of a statement without transactions. */
export const NO_ENTRIES: EntryTotals = { credits: { count: 0n, sum: 0n }, debits: { count: 0n, sum: 0n } };

function addMovements(totals: EntryTotals, movements: readonly Movement[]): EntryTotals {
  const credits = { ...totals.credits };
  const debits = { ...totals.debits };
  for (const { amount: moved } of movements) {
    const side = moved < 0n ? debits : credits;
    side.count++;
    side.sum += magnitude(moved);
  }
  return { credits, debits };
}

function summary({ credits, debits }: EntryTotals, currency: string): string {
  const side = (count: bigint, sum: bigint) =>
    element('NbOfNtries', String(count)) + element('Sum', formatDecimal(sum, currency));
  const net = credits.sum - debits.sum;
  return (
    `<TxsSummry><TtlNtries>${side(credits.count + debits.count, credits.sum + debits.sum)}` +
    `<TtlNetNtry>${element('Amt', formatDecimal(magnitude(net), currency))}${direction(net)}</TtlNetNtry></TtlNtries>` +
    `<TtlCdtNtries>${side(credits.count, credits.sum)}</TtlCdtNtries>` +
    `<TtlDbtNtries>${side(debits.count, debits.sum)}</TtlDbtNtries></TxsSummry>\n`
  );
}

function movementEntry(day: SettledDay, statement: NamedStatement, movement: Movement): string {
  const { currency, payoutReference } = statement;
  const named = movement.code === 'PAYOUT' ? payoutReference : undefined;
  return [
    '<Ntry>',
    amount(movement.amount, currency),
    booked(day),
    code(movement.code),
    named === undefined
      ? ''
      : `<NtryDtls><TxDtls><Refs>${element('EndToEndId', named)}</Refs>${amount(movement.amount, currency)}</TxDtls></NtryDtls>`,
    '</Ntry>\n',
  ].join('');
}

function inPieces(tag: string, text: string): string {
  return pieces(text, 140)
    .map((piece) => element(tag, piece))
    .join('');
}

/** The tenant's own number for the order, of at most 255 characters. */
function ofOrder(reference: string | undefined): string {
  return reference === undefined || reference === '' ? '' : `<Strd>${inPieces('AddtlRmtInf', reference)}</Strd>`;
}

function charges({ fee, feeTax, currency }: StatementTransaction): string {
  const records = [
    { type: 'FEE', charged: fee },
    { type: 'FEE_TAX', charged: feeTax },
  ].filter(({ charged }) => charged !== 0n);
  if (records.length === 0) return '';
  // A returned charge has a direction, which a total cannot have.
  const total = records.every(({ charged }) => charged > 0n) ? money('TtlChrgsAndTaxAmt', fee + feeTax, currency) : '';
  const lines = records.map(
    ({ type, charged }) =>
      `<Rcrd>${amount(-charged, currency)}${element('ChrgInclInd', 'true')}` +
      `<Tp><Prtry>${element('Id', type)}${element('Issr', ISSUER)}</Prtry></Tp></Rcrd>`,
  );
  return `<Chrgs>${total}${lines.join('')}</Chrgs>`;
}

/** Unique to a day, merchant and currency: 88 random bits of the merchant's id are left. */
function statementId(day: SettledDay, { merchantId, currency }: Statement): string {
  return `${day.date.replaceAll('-', '')}-${currency}-${toUuid(merchantId).slice(-22)}`;
}

function balance(type: 'OPBD' | 'CLBD', owed: bigint, currency: string, date: string): string {
  return `<Bal><Tp><CdOrPrtry>${element('Cd', type)}</CdOrPrtry></Tp>${amount(owed, currency)}<Dt>${element('Dt', date)}</Dt></Bal>`;
}

function booked(day: SettledDay): string {
  return `<Sts>${element('Cd', 'BOOK')}</Sts><BookgDt>${element('Dt', day.date)}</BookgDt>`;
}

function code(kind: string): string {
  return `<BkTxCd><Prtry>${element('Cd', kind)}${element('Issr', ISSUER)}</Prtry></BkTxCd>`;
}

function name(text: string): string {
  return text === '' ? '' : element('Nm', pieces(text, 70)[0] ?? '');
}

/** An amount has no sign, but a direction. */
function amount(signed: bigint, currency: string): string {
  return money('Amt', signed, currency) + direction(signed);
}

function money(tag: string, signed: bigint, currency: string): string {
  return `<${tag} Ccy="${currency}">${formatDecimal(magnitude(signed), currency)}</${tag}>`;
}

function direction(signed: bigint): string {
  return element('CdtDbtInd', signed < 0n ? 'DBIT' : 'CRDT');
}

function magnitude(signed: bigint): bigint {
  return signed < 0n ? -signed : signed;
}

function pieces(text: string, length: number): string[] {
  const all = [...text];
  return Array.from({ length: Math.ceil(all.length / length) }, (_, index) =>
    all.slice(index * length, (index + 1) * length).join(''),
  );
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};
/** What XML 1.0 cannot hold, not even as a reference. */
const NOT_XML = /(?![\t\n\r])[\p{Cc}\p{Surrogate}\uFFFE\uFFFF]/gu;

function element(tag: string, text: string): string {
  const escaped = text.replace(NOT_XML, '\uFFFD').replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
  return `<${tag}>${escaped}</${tag}>`;
}
