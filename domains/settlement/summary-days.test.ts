import { summaryDays } from './summary-days';

const NOW = new Date('2026-11-26T12:00:00Z');

test.each([
  [{}, { from: '2026-10-28', to: '2026-11-27' }],
  [{ from: '2026-01-01' }, { from: '2026-01-01', to: '2026-04-02' }],
  [{ to: '2026-04-02' }, { from: '2026-01-01', to: '2026-04-02' }],
  [
    { from: '2026-01-01', to: '2026-04-02' },
    { from: '2026-01-01', to: '2026-04-02' },
  ],
  [
    { from: '2026-01-01', to: '2026-01-01' },
    { from: '2026-01-01', to: '2026-01-01' },
  ],
])('%j is %j', (asked, days) => {
  expect(summaryDays(asked, NOW)).toEqual(days);
});

test.each([
  [{ from: '2026-01-01', to: '2026-04-03' }, 'too-many-days', 'from'],
  [{ from: '0001-01-01', to: '9999-12-31' }, 'too-many-days', 'from'],
  [{ from: '2026-01-02', to: '2026-01-01' }, 'no-days', 'to'],
])('%j is refused: %s', (asked, code, field) => {
  expect(() => summaryDays(asked, NOW)).toThrow(expect.objectContaining({ code, options: { field: [field] } }));
});

test('dates at the ends of the calendar make no error of ours', () => {
  expect(summaryDays({ from: '9999-12-31' }, NOW).from).toBe('9999-12-31');
  expect(summaryDays({ to: '0001-01-01' }, NOW).to).toBe('0001-01-01');
});
