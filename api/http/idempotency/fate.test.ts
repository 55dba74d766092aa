import { Readable } from 'node:stream';
import type { Answer } from '../exchange';
import { type Fate, fateOf } from './fate';

const retry = { headers: { 'Retry-After': '1' } };

test.each<[string, Answer, Fate]>([
  ['a success', { status: 201, body: '{}' }, 'store'],
  ['a success without a body', { status: 204 }, 'store'],
  ['a success that says when to look again', { status: 202, ...retry }, 'store'],
  ['a redirect', { status: 303 }, 'store'],
  ['a conflict', { status: 409, problem: 'wrong-state' }, 'store'],
  ['a refusal on the merits', { status: 422, problem: 'idempotency-key-reuse' }, 'store'],
  ['a conflict that passes', { status: 409, problem: 'idempotency-key-in-use', ...retry }, 'interrupt'],
  ['too many requests, until later', { status: 429, ...retry }, 'interrupt'],
  ['an error of ours', { status: 500, problem: 'internal-error' }, 'interrupt'],
  ['an outage', { status: 503, problem: 'unavailable', ...retry }, 'interrupt'],
  ['a stream', { status: 200, body: Readable.from(['a']) }, 'interrupt'],
  ['a validation failure', { status: 422, problem: 'validation-failed' }, 'forget'],
  ['a lacking scope', { status: 403, problem: 'insufficient-scope' }, 'forget'],
  ['an unknown id', { status: 404, problem: 'not-found' }, 'forget'],
  ['too many requests', { status: 429, problem: 'rate-limited' }, 'forget'],
  ['a day that is not over', { status: 422, problem: 'period-open' }, 'forget'],
  ['an attempt under way', { status: 409, problem: 'attempt-in-flight' }, 'forget'],
  ['a time-out', { status: 408 }, 'forget'],
])('%s', (_name, answer, fate) => {
  expect(fateOf(answer, 1)).toBe(fate);
});

test('a conflict after an earlier execution proves nothing: it may be with what that one did', () => {
  expect(fateOf({ status: 409, problem: 'wrong-state' }, 2)).toBe('interrupt');
  expect(fateOf({ status: 422, problem: 'idempotency-key-reuse' }, 2)).toBe('store');
});
