import fc from 'fast-check';
import { scheduleInOrder } from './ordering';

const delays = fc.array(fc.integer({ min: 1, max: 86_400_000 }), { maxLength: 20 });
const attempts = fc.integer({ min: 1, max: 30 });

test('a head that is to be buried after n attempts never gets more, nor more than its schedule allows', () => {
  fc.assert(
    fc.property(delays, attempts, (schedule, most) => {
      const cut = scheduleInOrder(schedule, 'fifo', { policy: 'dead-letter-after', attempts: most });
      expect(cut.length + 1).toBe(Math.min(most, schedule.length + 1));
      expect(cut).toEqual(schedule.slice(0, cut.length));
    }),
  );
});

test('no other policy, and no unordered endpoint, loses retries', () => {
  fc.assert(
    fc.property(delays, attempts, (schedule, most) => {
      expect(scheduleInOrder(schedule, 'fifo', { policy: 'block' })).toEqual(schedule);
      expect(scheduleInOrder(schedule, 'fifo', { policy: 'skip-after', attempts: most })).toEqual(schedule);
      expect(scheduleInOrder(schedule, 'none', { policy: 'dead-letter-after', attempts: most })).toEqual(schedule);
    }),
  );
});
