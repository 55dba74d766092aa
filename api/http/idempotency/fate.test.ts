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
])('%s', (_name, answer, fate) => {
  expect(fateOf(answer)).toBe(fate);
});
