import { childrenOf, only, parseXml, type XmlElement } from './xml';

// The part of camt.053.001.08 that is written: elements in the order of the standard's sequences, how often each may
// occur, and the form of its text.

type Spec = RegExp | readonly Part[];

interface Part {
  name: string;
  min: 0 | 1;
  max: number;
  spec: Spec;
  currency: boolean;
}

const one = (name: string, spec: Spec): Part => ({ name, min: 1, max: 1, spec, currency: false });
const optional = (name: string, spec: Spec): Part => ({ name, min: 0, max: 1, spec, currency: false });
const any = (name: string, min: 0 | 1, spec: Spec): Part => ({ name, min, max: Infinity, spec, currency: false });
const money = (name: string, min: 0 | 1): Part => ({ name, min, max: 1, spec: AMOUNT, currency: true });

const text = (max: number) => new RegExp(`^[^]{1,${max}}$`, 'u');
const AMOUNT = /^(?=(?:\D*\d){1,18}\D*$)\d+(\.\d{1,5})?$/;
const DATE = /^\d{4}-\d{2}-\d{2}$/;
const DATE_TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$/;
const INDICATOR = /^(CRDT|DBIT)$/;
const FLAG = /^(true|false)$/;
const COUNT = /^\d{1,15}$/;

const date = [optional('Dt', DATE), optional('DtTm', DATE_TIME)];
const code = [one('Prtry', [one('Cd', text(35)), optional('Issr', text(35))])];
const sums = [optional('NbOfNtries', COUNT), optional('Sum', AMOUNT)];
const charges = [
  money('TtlChrgsAndTaxAmt', 0),
  any('Rcrd', 0, [
    money('Amt', 1),
    optional('CdtDbtInd', INDICATOR),
    optional('ChrgInclInd', FLAG),
    optional('Tp', [one('Prtry', [one('Id', text(35)), optional('Issr', text(35))])]),
  ]),
];
const transaction = [
  optional('Refs', [optional('AcctSvcrRef', text(35)), optional('EndToEndId', text(35))]),
  money('Amt', 0),
  optional('CdtDbtInd', INDICATOR),
  optional('AmtDtls', [optional('InstdAmt', [money('Amt', 1)])]),
  optional('RmtInf', [
    any('Ustrd', 0, text(140)),
    any('Strd', 0, [{ name: 'AddtlRmtInf', min: 0, max: 3, spec: text(140), currency: false }]),
  ]),
  optional('AddtlTxInf', text(500)),
];
const entry = [
  optional('NtryRef', text(35)),
  money('Amt', 1),
  one('CdtDbtInd', INDICATOR),
  optional('RvslInd', FLAG),
  one('Sts', [one('Cd', /^BOOK$/)]),
  optional('BookgDt', date),
  optional('ValDt', date),
  optional('AcctSvcrRef', text(35)),
  one('BkTxCd', code),
  optional('Chrgs', charges),
  any('NtryDtls', 0, [any('TxDtls', 0, transaction)]),
];
const statement = [
  one('Id', text(35)),
  optional('ElctrncSeqNb', /^\d{1,18}$/),
  optional('CreDtTm', DATE_TIME),
  optional('FrToDt', [one('FrDtTm', DATE_TIME), one('ToDtTm', DATE_TIME)]),
  one('Acct', [
    one('Id', [one('Othr', [one('Id', text(34))])]),
    optional('Ccy', /^[A-Z]{3}$/),
    optional('Nm', text(70)),
  ]),
  any('Bal', 1, [
    one('Tp', [one('CdOrPrtry', [one('Cd', /^(OPBD|CLBD)$/)])]),
    money('Amt', 1),
    one('CdtDbtInd', INDICATOR),
    one('Dt', date),
  ]),
  optional('TxsSummry', [
    optional('TtlNtries', [...sums, optional('TtlNetNtry', [one('Amt', AMOUNT), one('CdtDbtInd', INDICATOR)])]),
    optional('TtlCdtNtries', sums),
    optional('TtlDbtNtries', sums),
  ]),
  any('Ntry', 0, entry),
];
const message = [
  one('BkToCstmrStmt', [
    one('GrpHdr', [one('MsgId', text(35)), one('CreDtTm', DATE_TIME), optional('AddtlInf', text(500))]),
    any('Stmt', 1, statement),
  ]),
];

/** Reads a camt.053.001.08 message. @throws Error when it does not fit the standard */
export function parseCamt(xml: string): XmlElement {
  const root = parseXml(xml);
  if (root.name !== 'Document' || root.attributes.xmlns !== 'urn:iso:std:iso:20022:tech:xsd:camt.053.001.08') {
    throw new Error('another document');
  }
  check(root, message);
  return only(root, 'BkToCstmrStmt');
}

function check(element: XmlElement, spec: Spec): void {
  if (spec instanceof RegExp) {
    if (element.children.length > 0 || !spec.test(element.text)) throw new Error(`${element.name}: ${element.text}`);
    return;
  }
  let at = 0;
  for (const part of spec) {
    let count = 0;
    for (; element.children[at]?.name === part.name; at++, count++) {
      const child = element.children[at];
      if (child === undefined) break;
      if (part.currency !== 'Ccy' in child.attributes) throw new Error(`${child.name}: currency`);
      check(child, part.spec);
    }
    if (count < part.min || count > part.max) throw new Error(`${part.name} in ${element.name}: ${count}`);
  }
  const rest = element.children[at];
  if (rest !== undefined) throw new Error(`${rest.name} must not be there in ${element.name}`);
  if (element.text.trim() !== '') throw new Error(`text in ${element.name}`);
}

/** A statement's numbers, read back: decimals without their point, signed. */
export interface CamtStatement {
  account: string;
  currency: string;
  opening: bigint;
  closing: bigint;
  entries: { code: string; amount: bigint; reference: string | undefined }[];
  summary: { credits: bigint; debits: bigint; net: bigint; count: bigint };
}

/** The statements of a message. */
export function camtStatements(xml: string): CamtStatement[] {
  return childrenOf(parseCamt(xml), 'Stmt').map((element) => {
    const balances = new Map(
      childrenOf(element, 'Bal').map((balance) => [only(balance, 'Tp/CdOrPrtry/Cd').text, signed(balance)]),
    );
    return {
      account: only(element, 'Acct/Id/Othr/Id').text,
      currency: only(element, 'Acct/Ccy').text,
      opening: balances.get('OPBD') ?? missing('OPBD'),
      closing: balances.get('CLBD') ?? missing('CLBD'),
      entries: childrenOf(element, 'Ntry').map((item) => ({
        code: only(item, 'BkTxCd/Prtry/Cd').text,
        amount: signed(item),
        reference: childrenOf(item, 'NtryRef')[0]?.text,
      })),
      summary: {
        credits: minor(only(element, 'TxsSummry/TtlCdtNtries/Sum').text),
        debits: minor(only(element, 'TxsSummry/TtlDbtNtries/Sum').text),
        net: signed(only(element, 'TxsSummry/TtlNtries/TtlNetNtry')),
        count: BigInt(only(element, 'TxsSummry/TtlNtries/NbOfNtries').text),
      },
    };
  });
}

function signed(element: XmlElement): bigint {
  const amount = minor(only(element, 'Amt').text);
  return only(element, 'CdtDbtInd').text === 'DBIT' ? -amount : amount;
}

function minor(decimal: string): bigint {
  return BigInt(decimal.replace('.', ''));
}

function missing(name: string): never {
  throw new Error(`${name} is missing`);
}
