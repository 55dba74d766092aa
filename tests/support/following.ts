import { setTimeout as sleep } from 'node:timers/promises';
import type { TestApi } from './api-support';
import { PATIENCE_MS } from './receiver';

/** A page of a list that is followed. */
export interface FollowedPage {
  data: { id: string; seq?: number }[];
  next: string;
}

/** Reads a page of a followed list, which always has a next one. */
export async function followedPage(api: TestApi, path: string, cursor?: string): Promise<FollowedPage> {
  const where = cursor === undefined ? path : `${path}${path.includes('?') ? '&' : '?'}cursor=${cursor}`;
  const { status, body } = await api.call('GET', where);
  expect([path, status, typeof body.next]).toEqual([path, 200, 'string']);
  return body;
}

/**
 * Follows a list until it has `count` entries, or a minute has passed.
 *
 * @returns their ids in the order in which they came, and what came in one page more
 */
export async function followUntil(api: TestApi, path: string, count: () => number): Promise<string[]> {
  const seen: string[] = [];
  let next: string | undefined;
  const deadline = Date.now() + PATIENCE_MS;
  while (seen.length < count() && Date.now() < deadline) {
    const body = await followedPage(api, path, next);
    seen.push(...body.data.map(({ id }) => id));
    next = body.next;
    await sleep(50);
  }
  seen.push(...(await followedPage(api, path, next)).data.map(({ id }) => id));
  return seen;
}
