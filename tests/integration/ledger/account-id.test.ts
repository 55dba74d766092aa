import fc from 'fast-check';
import { newId, toUuid } from '../../../core/ids';
import { ACCOUNTS } from '../../../domains/ledger/rules/postings';
import { accountId, accountIdSql } from '../../../domains/ledger/store/account-id';
import { createTestDatabase, type TestDatabase } from '../../support/database';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const SQL = accountIdSql({ tenant: '$1::text', code: '$2::text', currency: '$3::text' });

test('an account has the same id whether TypeScript or SQL derives it', async () => {
  const codes = fc.oneof(
    fc.constantFrom(ACCOUNTS.pspClearing, ACCOUNTS.merchantPending(newId('mer')), ACCOUNTS.wallet(newId('wal'))),
    fc.string({ unit: 'binary' }).filter((code) => !code.includes('\0')),
  );
  const currencies = fc.constantFrom('EUR', 'JPY', 'KWD');
  await fc.assert(
    fc.asyncProperty(codes, currencies, async (code, currency) => {
      const tenantId = newId('ten');
      const { rows } = await database.pool.query(`SELECT ${SQL}::text AS id`, [toUuid(tenantId), code, currency]);
      expect(rows[0].id.replaceAll('-', '')).toBe(accountId({ tenantId, code, currency }));
    }),
  );
});
