import { type Change, findViolations, type SendDecision } from './history';

const change = (wanted: boolean, version?: number, at = 0): Change => ({
  subscriberId: 'a',
  wanted,
  answer: version === undefined ? undefined : { version, at },
});
const allowed = (version: number, at: number): SendDecision => ({
  sendId: 's',
  subscriberId: 'a',
  decision: 'allow',
  version,
  at,
});

test.each([
  ['before the opt-out was answered, by what was before', [change(false, 2, 100)], allowed(1, 100)],
  ['after an opt-in', [change(false, 2, 100), change(true, 3, 200)], allowed(3, 201)],
  ['by an opt-in that was never answered', [change(false, 2, 100), change(true)], allowed(3, 201)],
  ['of somebody else', [{ ...change(false, 2, 100), subscriberId: 'b' }], allowed(1, 500)],
  ['although an opt-out was asked for, and never answered', [change(false)], allowed(1, 500)],
])('a send may be allowed %s', (_name, changes, decision) => {
  expect(findViolations(changes, [decision])).toEqual([]);
});

test.each([
  ['by what was before, after the opt-out was answered', [change(false, 2, 100)], allowed(1, 101), 'outdated', 2],
  ['by the version of the opt-out', [change(false, 2, 100)], allowed(2, 50), 'refused', 2],
  ['by a version after the opt-out, with no opt-in', [change(false, 2, 100)], allowed(3, 500), 'refused', 2],
  [
    'by the version of the opt-out, with an opt-in later',
    [change(false, 2, 100), change(true, 3, 200)],
    allowed(2, 150),
    'refused',
    2,
  ],
  [
    'before the last of many changes',
    [change(false, 2, 100), change(true, 3, 200), change(false, 4, 300)],
    allowed(3, 301),
    'outdated',
    4,
  ],
  [
    'by the very opt-out, whatever was never answered',
    [change(false, 2, 100), change(true)],
    allowed(2, 500),
    'refused',
    2,
  ],
] as const)('a send that was allowed %s is found', (_name, changes, decision, kind, optOut) => {
  expect(findViolations(changes, [decision])).toMatchObject([{ kind, optOut, subscriberId: 'a', sendId: 's' }]);
});

test('what was denied or put off is no violation', () => {
  const changes = [change(false, 2, 100)];
  const decisions = (['deny', 'defer'] as const).map((decision) => ({ ...allowed(1, 500), decision }));
  expect(findViolations(changes, decisions)).toEqual([]);
});

test('one planted among many is the one that is found', () => {
  const changes: Change[] = [];
  const decisions: SendDecision[] = [];
  for (let n = 0; n < 1_000; n++) {
    const subscriberId = `s${n}`;
    changes.push({ subscriberId, wanted: false, answer: { version: 2, at: 1_000 + n } });
    decisions.push({ ...allowed(1, 999 + n), subscriberId, sendId: `before${n}` });
    decisions.push({ ...allowed(2, 2_000 + n), subscriberId, sendId: `after${n}`, decision: 'deny' });
  }
  decisions.push({ ...allowed(1, 1_700), subscriberId: 's500', sendId: 'planted' });
  expect(findViolations(changes, decisions)).toEqual([
    { sendId: 'planted', subscriberId: 's500', kind: 'outdated', optOut: 2, afterMs: 200 },
  ]);
});
