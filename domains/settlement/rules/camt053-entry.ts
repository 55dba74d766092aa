import { parseDecimal } from '../../../core/money';
import { ITEM_KINDS, type ReconciledKind } from './reconcile';
import { type LineError, MAX_REFERENCE, type ReconciliationLine, UNREADABLE } from './reconciliation-line';
import { childrenAt, textAt, type XmlNode } from './xml-node';

/** What our own exports name as the issuer of their codes. */
export const ISSUER = 'WAYBILL';

/** Where a transaction is named, the most telling first. `Ustrd` is free text, often with the reference in it. */
const NAMES = [
  'Refs/EndToEndId',
  'Refs/InstrId',
  'Refs/TxId',
  'Refs/AcctSvcrRef',
  'Refs/PmtInfId',
  'RmtInf/Strd/CdtrRefInf/Ref',
  'RmtInf/Ustrd',
  'RmtInf/Strd/AddtlRmtInf',
];
const ENTRY_NAMES = ['NtryRef', 'AcctSvcrRef'];
/** Filled in where there is no reference. */
const NO_NAME = /^(NOTPROVIDED|NONREF|UNKNOWN)$/i;

/**
 * The lines of an entry: one for each of its transactions, or one for the entry if it has none or does not say what each
 * came to. An entry that is not booked has none.
 *
 * @param number - of the entry's first line
 * @param exponentOf - a currency's decimals
 */
export function entryLines(
  entry: XmlNode,
  number: number,
  exponentOf: (currency: string) => number | undefined,
): (ReconciliationLine | LineError)[] {
  if ((textAt(entry, 'Sts/Cd') ?? textAt(entry, 'Sts')) !== 'BOOK' || isBalance(entry)) return [];
  const details = childrenAt(entry, 'NtryDtls/TxDtls');
  const each = details.length === 1 || details.every((one) => amountOf(one) !== undefined) ? details : [];
  const parts = each.length > 0 ? each : [undefined];
  return parts.map((details_, index) => lineOf(entry, details_, number + index, exponentOf));
}

function lineOf(
  entry: XmlNode,
  details: XmlNode | undefined,
  line: number,
  exponentOf: (currency: string) => number | undefined,
): ReconciliationLine | LineError {
  const money = (details && amountOf(details, currencyOf(entry))) ?? childrenAt(entry, 'Amt')[0];
  const currency = money?.attributes.Ccy ?? '';
  if (money === undefined || exponentOf(currency) === undefined) {
    return { line, detail: 'the currency of Amt is not an ISO 4217 code' };
  }
  // The standard allows five decimals in any currency; what is behind the currency's own must be 0.
  const decimals = exponentOf(currency) ?? 0;
  const magnitude = parseDecimal(withoutZeros(money.text.trim(), decimals), currency);
  if (magnitude === undefined) return { line, detail: `Amt is not a number with at most ${decimals} decimals` };
  const direction = (details && textAt(details, 'CdtDbtInd')) ?? textAt(entry, 'CdtDbtInd');
  if (direction !== 'CRDT' && direction !== 'DBIT') return { line, detail: 'CdtDbtInd is neither CRDT nor DBIT' };
  const names = [...namesIn(details, NAMES), ...namesIn(entry, ENTRY_NAMES)];
  const [first = `entry ${line}`, ...others] = new Set(names.map((name) => name.slice(0, MAX_REFERENCE)));
  const signed = direction === 'DBIT' ? -magnitude : magnitude;
  return { line, references: [first, ...others], kind: undefined, currency, amount: asBooked(entry, signed) };
}

/** What a transaction came to, gross of charges where it says so in the entry's currency. */
function amountOf(details: XmlNode, currency?: string): XmlNode | undefined {
  const gross = childrenAt(details, 'AmtDtls/InstdAmt/Amt')[0];
  if (gross !== undefined && (currency === undefined || gross.attributes.Ccy === currency)) return gross;
  return childrenAt(details, 'Amt')[0] ?? childrenAt(details, 'AmtDtls/TxAmt/Amt')[0];
}

function currencyOf(entry: XmlNode): string | undefined {
  return childrenAt(entry, 'Amt')[0]?.attributes.Ccy;
}

/** Our own exports give an entry its net's direction, which a fee can turn: a sale of 0.10 less a fee of 0.30 is a debit. */
function asBooked(entry: XmlNode, signed: bigint): bigint {
  const kind = ownCode(entry)?.toLowerCase() as ReconciledKind | undefined;
  const magnitude = signed < 0n ? -signed : signed;
  if (kind === 'capture' || kind === 'refund_reversal' || kind === 'chargeback_reversal') return magnitude;
  return kind === 'refund' || kind === 'chargeback' ? -magnitude : signed;
}

/** Whether it is an entry of our own exports that is no transaction, such as what a reserve holds back. */
function isBalance(entry: XmlNode): boolean {
  const code = ownCode(entry)?.toLowerCase();
  return code !== undefined && code !== 'payout' && !ITEM_KINDS.some((kind) => kind === code);
}

function ownCode(entry: XmlNode): string | undefined {
  const own = textAt(entry, 'BkTxCd/Prtry/Issr') === ISSUER;
  return own ? textAt(entry, 'BkTxCd/Prtry/Cd') : undefined;
}

function namesIn(element: XmlNode | undefined, paths: readonly string[]): string[] {
  if (element === undefined) return [];
  return paths
    .map((path) =>
      childrenAt(element, path)
        .map(({ text }) => text)
        .join('')
        .trim(),
    )
    .filter((name) => name !== '' && !NO_NAME.test(name) && !UNREADABLE.test(name));
}

function withoutZeros(text: string, decimals: number): string {
  const [whole = '', fraction = ''] = text.split('.');
  const kept = fraction.slice(0, decimals) + fraction.slice(decimals).replace(/0+$/, '');
  return text.includes('.') && kept !== '' ? `${whole}.${kept}` : whole;
}
