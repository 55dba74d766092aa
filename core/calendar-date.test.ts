import { isDate } from './calendar-date';

test('only dates that exist are dates', () => {
  expect(['2026-10-29', '2024-02-29'].every(isDate)).toBe(true);
  expect(['0000-01-01', '2026-02-29', '2026-13-01', '2026-1-1', '20261029', '2026-10-29T00:00', ''].some(isDate)).toBe(
    false,
  );
});
