import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseApiKey } from '../../../domains/accounts/api-key-format';
import { Keyring } from '../../keyring';
import { loadKeys } from './keys';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'waybill-keys-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('keys are made once, fit for use, and for their owner only', () => {
  const first = loadKeys(folder, {});
  expect(first.created).toBe(true);
  expect(new Keyring(first.keys.WAYBILL_KEYS.split(','))).toBeInstanceOf(Keyring);
  expect(parseApiKey(first.keys.WAYBILL_ADMIN_KEY)).toBeDefined();
  expect(statSync(first.file).mode & 0o777).toBe(0o600);
  expect(loadKeys(folder, {})).toEqual({ ...first, created: false });
});

test('keys in the environment come first', () => {
  const { keys } = loadKeys(folder, { WAYBILL_KEYS: 'k9:x', WAYBILL_ADMIN_KEY: '' });
  expect(keys.WAYBILL_KEYS).toBe('k9:x');
  expect(parseApiKey(keys.WAYBILL_ADMIN_KEY)).toBeDefined();
});

test('a file without a key is not silently completed: what the lost one encrypted could not be read', () => {
  writeFileSync(path.join(folder, 'keys.env'), 'WAYBILL_ADMIN_KEY=x\n');
  expect(() => loadKeys(folder, {})).toThrow('has no WAYBILL_KEYS');
});
