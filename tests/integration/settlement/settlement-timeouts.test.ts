import { Pool } from 'pg';
import { beating } from '../../../domains/settlement/pages';
import { inExport, inReport } from '../../../domains/settlement/store/report';
import { createTestDatabase, type TestDatabase } from '../../support/database';
import { eventually } from '../../support/receiver';

let database: TestDatabase;
/** Limits as those of the processes' pools, but a hundred times as short. */
let pool: Pool;
beforeAll(async () => {
  database = await createTestDatabase();
  pool = new Pool({ connectionString: database.url, max: 2, statement_timeout: 300, query_timeout: 350 });
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

const SLOW = { text: 'SELECT 1 AS one FROM pg_sleep(0.7)' };

test('a statement of a settlement or an export may take longer than others, for the server and for the driver', async () => {
  await expect(pool.query(SLOW)).rejects.toThrow(/timeout/);
  expect((await inReport(pool, (db) => db.query(SLOW))).rows).toEqual([{ one: 1 }]);
  expect((await inExport(pool).query(SLOW)).rows).toEqual([{ one: 1 }]);
  // The connections are as they were.
  await expect(pool.query(SLOW)).rejects.toThrow(/timeout/);
});

test('work whose statement takes long shows that it goes on, and stops when it ends', async () => {
  let beats = 0;
  let work = 0;
  const beat = () => {
    beats++;
  };
  await beating(
    beat,
    async () => {
      await eventually(async () => (beats > 1 ? true : undefined));
      work++;
    },
    10,
  );
  expect(work).toBe(1);
  const before = beats;
  await pool.query('SELECT pg_sleep(0.05)');
  expect(beats).toBe(before);
});
