import { setImmediate as nextTurn } from 'node:timers/promises';
import { SaxesParser } from 'saxes';
import { exponentOf } from '../../../core/currency';
import { entryLines } from './camt053-entry';
import { type LineError, MAX_ERRORS, type ReconciliationFile, type ReconciliationLine } from './reconciliation-line';
import type { XmlNode } from './xml-node';

// saxes: strict about XML 1.0, reads no external entity and expands none that a document declares, and streams.

const NAMESPACE = /^urn:iso:std:iso:20022:tech:xsd:camt\.053\.001\.\d\d$/;
const CHUNK = 65_536;
/** No message of the standard is nearly as deep. */
const DEEPEST = 40;

class NotCamt extends Error {}

/**
 * Reads a camt.053 message of any version: a line for each transaction of each booked entry, or for the entry where it
 * has none. Amounts are positive for credits and negative for debits.
 */
export async function readCamt(text: string): Promise<ReconciliationFile> {
  const lines: ReconciliationLine[] = [];
  const errors: LineError[] = [];
  const read = camtParser((entry) => {
    const number = lines.length + errors.length + 1;
    for (const line of entryLines(entry, number, exponentOf)) {
      if ('detail' in line) errors.push(line);
      else lines.push(line);
    }
  });
  try {
    for (let at = 0; at < text.length && errors.length < MAX_ERRORS; at += CHUNK) {
      read.write(text.slice(at, at + CHUNK));
      if (at + CHUNK < text.length) await nextTurn();
    }
    if (errors.length < MAX_ERRORS) read.close();
  } catch (error) {
    errors.push({
      line: lines.length + errors.length + 1,
      detail: `not a camt.053 message: ${(error as Error).message}`,
    });
  }
  if (errors.length > 0) return { ok: false, errors: errors.slice(0, MAX_ERRORS) };
  return { ok: true, lines, hasKinds: false };
}

/** @param take - is given each `Ntry`; nothing else is kept */
function camtParser(take: (entry: XmlNode) => void): SaxesParser {
  const parser = new SaxesParser();
  const open: XmlNode[] = [];
  let root: string | undefined;
  parser.on('error', (error) => {
    throw error;
  });
  parser.on('doctype', () => {
    throw new NotCamt('it has a document type');
  });
  parser.on('opentag', ({ name: qualified, attributes }) => {
    if (root === undefined) {
      root = qualified;
      const namespace = attributes[qualified.includes(':') ? `xmlns:${qualified.split(':', 1)[0]}` : 'xmlns'];
      if (namespace === undefined || !NAMESPACE.test(namespace)) {
        throw new NotCamt('its namespace is not urn:iso:std:iso:20022:tech:xsd:camt.053.001.xx');
      }
    }
    if (open.length >= DEEPEST) throw new NotCamt('its elements are nested too deep');
    open.push({ name: localName(qualified), attributes, children: [], text: '' });
  });
  parser.on('text', (piece) => {
    const current = open.at(-1);
    if (current !== undefined) current.text += piece;
  });
  parser.on('closetag', () => {
    const closed = open.pop();
    if (closed === undefined) return;
    if (closed.name === 'Ntry') take(closed);
    else if (open.some(({ name }) => name === 'Ntry')) open.at(-1)?.children.push(closed);
  });
  return parser;
}

function localName(qualified: string): string {
  return qualified.slice(qualified.indexOf(':') + 1);
}
