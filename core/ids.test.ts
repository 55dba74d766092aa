import fc from 'fast-check';
import { fromUuid, isId, newId, timeOfId, toUuid, uuidFloor } from './ids';

test('an id keeps its time and survives the way through the database', () => {
  const before = Date.now();
  const id = newId('msg');
  expect(isId('msg', id)).toBe(true);
  expect(isId('dlv', id)).toBe(false);
  expect(timeOfId(id)).toBeGreaterThanOrEqual(before);
  const hex = toUuid(id);
  const dashed = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  expect(fromUuid('msg', dashed)).toBe(id);
});

test('the floor of a moment sorts at or below every id made then or later', () => {
  expect(uuidFloor(Date.now()) <= toUuid(newId('dlv'))).toBe(true);
  fc.assert(fc.property(fc.nat(2 ** 40), fc.nat(2 ** 40), (a, b) => a < b === uuidFloor(a) < uuidFloor(b)));
});
