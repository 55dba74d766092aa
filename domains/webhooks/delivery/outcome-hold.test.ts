import { createOutcomeHold } from './outcome-hold';

const away = new Error('away');
const never = () => false;

test('an outcome is tried again, within a second or so, until it is recorded', async () => {
  const hold = createOutcomeHold();
  let tries = 0;
  const record = async () => {
    if (++tries < 4) throw away;
    return 'recorded';
  };
  const held = hold.untilRecorded(10, record, never);
  expect(hold.count).toBe(1);
  expect(await held).toBe('recorded');
  expect(tries).toBe(4);
  expect(hold.count).toBe(0);
});

test('it is given up at once when no try can succeed, and when its time is up', async () => {
  const hold = createOutcomeHold({ maxMs: 400 });
  const record = jest.fn(() => Promise.reject(away));
  await expect(hold.untilRecorded(10, record, () => true)).rejects.toBe(away);
  expect(record).toHaveBeenCalledTimes(1);
  await expect(hold.untilRecorded(10, record, never)).rejects.toBe(away);
  // At least once more: how often depends on how busy the machine is.
  expect(record.mock.calls.length).toBeGreaterThan(2);
  expect(hold.count).toBe(0);
});

test('it is full from so many bytes on, until enough of them are recorded', async () => {
  const hold = createOutcomeHold({ maxBytes: 100 });
  const [answers, answer] = later();
  const first = hold.untilRecorded(60, () => answers, never);
  expect(hold.full).toBe(false);
  const second = hold.untilRecorded(40, () => Promise.resolve(), never);
  expect(hold.full).toBe(true);
  await second;
  expect(hold.full).toBe(false);
  answer();
  await first;
});

function later(): [Promise<void>, () => void] {
  let answer = () => {};
  const answers = new Promise<void>((resolve) => {
    answer = resolve;
  });
  return [answers, answer];
}

test('a closing process waits a little for each, also for those that come later', async () => {
  const hold = createOutcomeHold({ closingMs: 600 });
  const held = hold.untilRecorded(10, () => Promise.reject(away), never);
  hold.close();
  await expect(held).rejects.toBe(away);
  let tries = 0;
  const late = hold.untilRecorded(10, () => (++tries < 2 ? Promise.reject(away) : Promise.resolve(tries)), never);
  await expect(late).resolves.toBe(2);
});
