import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** Removed by `global-setup.ts`: it is of one run. */
export const SHARED_DOCUMENT = path.resolve(__dirname, '../../.waybill/test-openapi.json');

/** The OpenAPI document, which takes a second to make, from whichever test file of this run has had it made. */
export async function sharedDocument(make: () => Promise<string>): Promise<string> {
  if (existsSync(SHARED_DOCUMENT)) return readFileSync(SHARED_DOCUMENT, 'utf8');
  const text = await make();
  const unfinished = `${SHARED_DOCUMENT}.${process.pid}`;
  writeFileSync(unfinished, text);
  renameSync(unfinished, SHARED_DOCUMENT);
  return text;
}
