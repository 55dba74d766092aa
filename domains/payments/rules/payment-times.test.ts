import { effectiveMoment } from './payment-times';

const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, second));

test('the moment that the provider tells counts', () => {
  expect(effectiveMoment(at(5), at(1), at(9))).toEqual(at(5));
});

test('a clock that is behind or ahead moves nothing out of the time between the request and now', () => {
  expect(effectiveMoment(at(0), at(1), at(9))).toEqual(at(1));
  expect(effectiveMoment(at(20), at(1), at(9))).toEqual(at(9));
});

test('without a moment, or with one that is none, it is now', () => {
  expect(effectiveMoment(undefined, at(1), at(9))).toEqual(at(9));
  expect(effectiveMoment(new Date('x'), at(1), at(9))).toEqual(at(9));
});
