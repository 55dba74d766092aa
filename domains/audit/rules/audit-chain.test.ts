import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { auditHash, auditTime, CHAIN_START, follows, type StoredAuditEntry } from './audit-chain';

const TENANT = 'ten_019e0c7b5d0e7cc2a7b1f30d1f2a9c11';
const AT = new Date('2026-10-29T21:59:00.007Z');

function entryOf(payload: unknown): StoredAuditEntry {
  const entry = { seq: 1, at: auditTime(AT), actor: 'key_1', action: 'settlement.completed', subject: '2026-10-29' };
  const hash = auditHash(CHAIN_START.hash, { ...entry, payload, tenantId: TENANT });
  return { ...entry, payload: JSON.stringify(payload), prevHash: CHAIN_START.hash, hash };
}

test('the hash is that of the documented bytes', () => {
  const content =
    '{"action":"settlement.completed","actor":"key_1","at":"1793311140.007000","payload":{"a":[1,"é"],"b":"12"},' +
    `"seq":1,"subject":"2026-10-29","tenantId":"${TENANT}"}`;
  const expected = createHash('sha256').update(Buffer.alloc(32)).update(content, 'utf8').digest('hex');
  expect(entryOf({ b: '12', a: [1, 'é'] }).hash.toString('hex')).toBe(expected);
});

test('a moment is written to the microsecond', () => {
  expect(auditTime(new Date(0))).toBe('0.000000');
  expect(auditTime(new Date(1_001))).toBe('1.001000');
});

test('an entry follows as it was written, whatever its payload', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const payload: unknown = JSON.parse(JSON.stringify(value));
      const entry = entryOf(payload);
      const numbers = [...entry.payload.replace(/"(?:[^"\\]|\\.)*"/g, '').matchAll(/e[+-]/g)];
      // The database writes numbers without exponents; such texts are in the tests on Postgres.
      fc.pre(numbers.length === 0);
      expect(follows(CHAIN_START, entry, TENANT)).toBe(true);
    }),
  );
});

test.each([
  ['seq', { seq: 2 }],
  ['at, by a microsecond', { at: '1793311140.007001' }],
  ['actor', { actor: 'key_2' }],
  ['action', { action: 'settlement.complete' }],
  ['subject', { subject: '2026-10-28' }],
  ['payload', { payload: '{"n":2}' }],
  ['payload, by digits that a double does not have', { payload: '{"n":1.00000000000000000001}' }],
  ['payload, by a zero', { payload: '{"n":1.0}' }],
  ['previous hash', { prevHash: Buffer.alloc(32, 1) }],
  ['hash', { hash: Buffer.alloc(32, 1) }],
])('an entry with another %s does not follow', (_name, change) => {
  const entry = entryOf({ n: 1 });
  expect(follows(CHAIN_START, entry, TENANT)).toBe(true);
  expect(follows(CHAIN_START, { ...entry, ...change }, TENANT)).toBe(false);
});

test("another tenant's entry does not follow", () => {
  expect(follows(CHAIN_START, entryOf({}), 'ten_019e0c7b5d0e7cc2a7b1f30d1f2a9c12')).toBe(false);
});

test.each([
  [1e21, '1000000000000000000000'],
  [1.5e-7, '0.00000015'],
  [-1e-10, '-0.0000000001'],
  [123.25, '123.25'],
  [-0.5, '-0.5'],
])('%p is recognised in the digits of the database', (value, digits) => {
  const entry = { ...entryOf([value]), payload: `[${digits}]` };
  expect(follows(CHAIN_START, entry, TENANT)).toBe(true);
});
