import { readCamt } from './camt053-reader';
import { readCsvLines } from './csv-lines';
import type { CsvProfile, ReconciliationFile } from './reconciliation-line';

/**
 * Reads a file: camt.053 of any version, or CSV (see {@link readCsvLines}).
 *
 * @returns every line, or what is wrong, line by line, at most 50 entries
 */
export function readReconciliationFile(text: string, profile: CsvProfile = {}): Promise<ReconciliationFile> {
  return /^\uFEFF?\s*</.test(text) ? readCamt(text) : readCsvLines(text, profile);
}
