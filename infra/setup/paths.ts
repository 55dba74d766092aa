import path from 'node:path';

const parent = path.resolve(__dirname, '..', '..');

/** The clone's folder; compiled, this file lies one folder deeper. */
export const projectRoot = path.basename(parent) === 'dist' ? path.dirname(parent) : parent;

/** Where `npm start` keeps its data, keys and logs: `.waybill/` in the clone, or `WAYBILL_DATA_DIR`. */
export function defaultDataDirectory(env: NodeJS.ProcessEnv = process.env): string {
  return path.resolve(env.WAYBILL_DATA_DIR || path.join(projectRoot, '.waybill'));
}
