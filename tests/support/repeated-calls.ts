import type { Response } from 'supertest';
import type { CallOptions, TestApi } from './api-support';

/** What tests of repeated requests send: an API key to be made. */
export const NEW_KEY = { name: 'k', scopes: ['messages:write'] };

/** Calls of tests of repeated requests. */
export interface RepeatedCalls {
  /** Makes an API key. */
  create(idempotencyKey: string | null, options?: CallOptions): Promise<Response>;
  query<R extends object>(text: string, ...values: unknown[]): Promise<R[]>;
  /** Counts a table's rows, by default all of them. */
  count(table: string, name?: string): Promise<number>;
  /** Whether an API key may be used. */
  works(key: string): Promise<boolean>;
}

/** @param api - asked at each call, since test files make it in `beforeAll` */
export function repeatedCalls(api: () => TestApi): RepeatedCalls {
  const query: RepeatedCalls['query'] = async <R extends object>(text: string, ...values: unknown[]) =>
    (await api().deps.pool.query<R>(text, values)).rows;
  return {
    query,
    create: (idempotencyKey, options = {}) =>
      api().call('POST', '/v1/api-keys', { body: NEW_KEY, ...options, idempotencyKey }),
    async count(table, name) {
      const where = name === undefined ? '' : ' WHERE name = $1';
      const [row] = await query<{ n: number }>(
        `SELECT count(*)::int AS n FROM ${table}${where}`,
        ...(name === undefined ? [] : [name]),
      );
      return row?.n ?? Number.NaN;
    },
    works: async (key) =>
      (await api().call('POST', '/v1/messages', { key, body: { eventType: 'a', payload: 1 } })).status === 202,
  };
}

/** Expects the answer to a repeated request to be the first one's, and to say so. */
export function expectReplay(answer: Response, first: Response): void {
  expect([answer.status, answer.text]).toEqual([first.status, first.text]);
  for (const name of ['content-type', 'content-length', 'location', 'etag']) {
    expect([name, answer.get(name)]).toEqual([name, first.get(name)]);
  }
  expect(first.get('idempotent-replayed')).toBeUndefined();
  expect(answer.get('idempotent-replayed')).toBe('true');
}

export function expectProblem(answer: Response, status: number, code: string): void {
  expect([answer.status, answer.body.type]).toEqual([status, `/docs/problems#${code}`]);
  expect(answer.get('content-type')).toBe('application/problem+json');
}
