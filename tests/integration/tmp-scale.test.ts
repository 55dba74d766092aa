import { csvRecord } from '../../core/finance/csv';
import { insertBusiness, insertMerchant } from '../support/finance';
import { insertLargeDay, largeReference } from '../support/settled-day';
import { createApi } from './api-support';
import { get } from 'node:http';

test('scale', async () => {
  const api = await createApi({}, { WAYBILL_MAX_BODY_BYTES: '16777216' });
  await insertBusiness(api.deps.pool, api.tenantId);
  const merchantIds: string[] = [];
  for (let n = 0; n < 20; n++) merchantIds.push((await insertMerchant(api.deps.pool, api.tenantId)).id);
  await insertLargeDay(api.deps.pool, api.tenantId, { date: '2026-10-29', merchantIds, count: 20_000 });
  const out: string[] = [];
  const lines: string[] = [csvRecord(['reference', 'currency', 'amount'])];
  for (const m of merchantIds) for (let n = 1; n <= 5_000; n++) lines.push(csvRecord([largeReference('2026-10-29', m, n), 'EUR', '10.00']));
  const started = performance.now();
  const answer = await api.call('POST', '/api/v2/finance/settlement/2026-10-29/reconciliation', { body: lines.join(''), headers: { 'content-type': 'text/csv' } });
  out.push(`reconcile ${answer.status} ${Math.round(performance.now() - started)} ms ${JSON.stringify(answer.body.counts)}`);
  for (const query of ['format=csv', 'format=csv&detail=transactions', 'format=camt053&detail=transactions', 'format=json&detail=transactions']) {
    let peak = 0;
    const timer = setInterval(() => { peak = Math.max(peak, process.memoryUsage().heapUsed); }, 20);
    const begun = performance.now();
    let bytes = 0;
    await new Promise<void>((resolve, reject) => {
      get(`${api.url}/api/v2/finance/settlement/2026-10-29/export?${query}`, { headers: { authorization: `Bearer ${api.key}` } }, (res) => {
        res.on('data', (chunk: Buffer) => { bytes += chunk.length; });
        res.on('end', resolve); res.on('error', reject);
      }).on('error', reject);
    });
    clearInterval(timer);
    out.push(`${query}: ${Math.round(performance.now() - begun)} ms, ${bytes} bytes, heap peak ${Math.round(peak/1e6)}, rss ${Math.round(process.memoryUsage().rss/1e6)}`);
  }
  require('node:fs').writeFileSync('/tmp/scale.txt', out.join('\n'));
  await api.close();
}, 300_000);
