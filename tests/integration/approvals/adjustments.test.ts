import { ACCOUNTS } from '../../../domains/ledger/rules/postings';
import { createPaymentApi, type PaymentApi } from '../../support/payments-support';

let api: PaymentApi;
let other: string;
beforeAll(async () => {
  api = await createPaymentApi({ worker: false, env: { WAYBILL_REVIEW_FOUR_EYES_FROM: '50000' } });
  other = await api.newKey(['*']);
});
afterAll(() => api.close());

/** What the merchant is owed. */
const owed = async () => -(await api.balance(ACCOUNTS.merchantPending(api.merchantId)));
const adjust = (amount: string) =>
  api.post(`/v1/merchants/${api.merchantId}/adjustments`, { amount, currency: 'EUR', reason: 'Terminal rent' });
const auditOf = async (subject: string): Promise<{ action: string }[]> =>
  (await api.call('GET', '/api/v2/finance/settlement/audit?limit=100')).body.data.filter(
    (entry: { subject: string }) => entry.subject === subject,
  );

test('a small adjustment needs nobody else', async () => {
  const before = await owed();
  const { status, body } = await adjust('-49999');
  expect([status, body.amount]).toEqual([201, '-49999']);
  expect(await owed()).toBe(before - 49_999n);
});

test.each(['50000', '-50000'])('an adjustment of %s is posted once another key has approved it', async (amount) => {
  const before = await owed();
  const asked = await adjust(amount);
  expect(asked.status).toBe(202);
  expect(asked.body).toMatchObject({
    state: 'waiting',
    action: 'ledger.adjust',
    amount: '50000',
    command: { merchantId: api.merchantId, amount, currency: 'EUR', reason: 'Terminal rent' },
  });
  const approval = asked.get('location') ?? '';
  expect((await api.call('POST', `${approval}/approve`)).status).toBe(409);
  expect(await owed()).toBe(before);
  for (let time = 0; time < 2; time++) {
    expect((await api.call('POST', `${approval}/approve`, { key: other })).body.state).toBe('approved');
  }
  expect(await owed()).toBe(before + BigInt(amount));
  expect((await auditOf(asked.body.subject)).map(({ action }) => action).sort()).toEqual([
    'ledger.adjust.requested',
    'ledger.adjusted',
  ]);
});

test('an adjustment that is rejected is never posted', async () => {
  const before = await owed();
  const approval = (await adjust('70000')).get('location') ?? '';
  expect((await api.call('POST', `${approval}/reject`)).body.state).toBe('rejected');
  expect((await api.call('POST', `${approval}/approve`, { key: other })).status).toBe(409);
  expect(await owed()).toBe(before);
});

test('what was posted by hand is reversed with a second person too', async () => {
  const before = await owed();
  const approval = (await adjust('60000')).get('location') ?? '';
  const { body } = await api.call('POST', `${approval}/approve`, { key: other });
  const { body: listed } = await api.call('GET', '/v1/ledger/transactions?limit=100');
  const { id } = listed.data.find(({ reference }: { reference: string }) => reference === body.subject);
  const reverse = () => api.post(`/v1/ledger/transactions/${id}/reverse`, { reason: 'Entered twice' });
  const asked = await reverse();
  expect([asked.status, asked.body.action, asked.body.subject]).toEqual([202, 'ledger.reverse', id]);
  expect((await reverse()).status).toBe(409);
  expect(await owed()).toBe(before + 60_000n);
  await api.call('POST', `${asked.get('location')}/approve`, { key: other });
  expect(await owed()).toBe(before);
  expect((await auditOf(id)).map(({ action }) => action)).toContain('ledger.reversed');
  expect(await api.trialBalance()).toBe(0n);
});
