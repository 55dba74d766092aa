import { countUnderWay } from './under-way';

const GONE_DATE = 1_000_000;
const RESTARTED_AT = 40_000;

/** One endpoint's arrivals by sequence number, on the run's clock; 0 means never. */
function outage(firstAt: number[]) {
  const report = { firstAt, times: firstAt.map(() => 1), ids: firstAt.map(() => 'msg') };
  return { arrivals: new Map([['ep_1', report]]), goneDate: GONE_DATE, restartedAt: RESTARTED_AT };
}

const record = (sequence: number, recordedDate: number | undefined) => ({ sequence, endpointId: 'ep_1', recordedDate });

describe('attempts under way when the database went', () => {
  it('are those received and recorded only afterwards, or not at all', () => {
    const records = [record(0, GONE_DATE + 30_000), record(1, undefined)];
    expect(countUnderWay(records, outage([10_000, 10_001]))).toBe(2);
  });

  it('are not those recorded before it went', () => {
    expect(countUnderWay([record(0, GONE_DATE - 1)], outage([9_990]))).toBe(0);
  });

  it('are not those that came in after the restart, or never', () => {
    const records = [record(0, GONE_DATE + 30_500), record(1, undefined), record(2, undefined)];
    expect(countUnderWay(records, outage([RESTARTED_AT + 1, 0]))).toBe(0);
  });
});
