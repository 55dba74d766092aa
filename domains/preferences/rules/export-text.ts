import { csvRecord, csvText } from '../../../core/csv';

export const EXPORT_FORMATS = ['json', 'csv'] as const;

export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** How an export is written, part by part and record by record, so that it can be made and sent in pieces. */
export interface ExportWriter {
  /** @param head - what the export is */
  begin(head: object): string;
  openPart(part: ExportPart): string;
  /** @param number - 1, 2, 3, … within the part */
  record(part: ExportPart, number: number, record: object): string;
  closePart(part: ExportPart): string;
  end(): string;
}

/** A part of an export. */
export interface ExportPart {
  name: string;
  /** Of one thing that is always there, instead of a list. */
  single?: true | undefined;
}

/** One object: the export itself as `export`, and a member for each part. */
const json: ExportWriter = {
  begin: (head) => `{"export":${JSON.stringify(head)}`,
  openPart: ({ name, single }) => `,${JSON.stringify(name)}:${single ? '' : '['}`,
  record: ({ single }, number, record) => (single || number === 1 ? '' : ',') + JSON.stringify(record),
  closePart: ({ single }) => (single ? '' : ']'),
  end: () => '}\n',
};

/** A line for each value, since parts have different columns: which part, which record of it, and which field. */
const csv: ExportWriter = {
  begin: (head) => csvRecord(['part', 'record', 'field', 'value']) + lines('export', 1, head),
  openPart: () => '',
  record: ({ name }, number, record) => lines(name, number, record),
  closePart: () => '',
  end: () => '',
};

const WRITERS: Readonly<Record<ExportFormat, ExportWriter>> = { json, csv };

export function exportWriter(format: ExportFormat): ExportWriter {
  return WRITERS[format];
}

function lines(part: string, number: number, record: object): string {
  return [...fieldsOf(record, '')]
    .map(([field, value]) => csvRecord([part, String(number), csvText(field), csvText(value)]))
    .join('');
}

/** Fields within fields by their names with dots in between; what is null or empty has no line. */
function* fieldsOf(value: unknown, name: string): Generator<[string, string]> {
  if (value === null || value === undefined) return;
  if (typeof value !== 'object') {
    yield [name, String(value)];
    return;
  }
  for (const [key, inner] of Object.entries(value)) yield* fieldsOf(inner, name === '' ? key : `${name}.${key}`);
}
