import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Publisher, PublishInput, PublishResult } from './publisher';

/** Most messages of one batch that are being published: enough to fill commits, and few questions to the database when all are repetitions. */
const UNDER_WAY = 256;

/** Characters of a batch that are prepared before other requests have their turn: about a millisecond. */
const SLICE = 65_536;

/** One message of a batch: its size in characters, and what publishes it. */
export interface BatchEntry<R> {
  size: number;
  /** Publishes it and never rejects. */
  publish(publisher: Pick<Publisher, 'publish'>): Promise<R>;
}

/**
 * Publishes the messages of a batch, each as if it came alone: they wait for the database in the tenant's own line, so that
 * no other tenant waits for them. Of several with one event id the first in the batch is the first.
 *
 * @returns one result per entry, in their order
 */
export async function publishBatch<R>(publisher: Publisher, entries: readonly BatchEntry<R>[]): Promise<R[]> {
  const inOrder = { publish: oneAfterTheOther(publisher) };
  const results: Promise<R>[] = [];
  let underWay = 0;
  let spent = 0;
  let ended = () => {};
  for (const entry of entries) {
    if (underWay >= UNDER_WAY) {
      await new Promise<void>((resolve) => {
        ended = resolve;
      });
    }
    spent += entry.size;
    if (spent > SLICE) {
      spent = 0;
      await nextTurn();
    }
    underWay++;
    const result = entry.publish(inOrder).finally(() => {
      underWay--;
      ended();
    });
    results.push(result);
  }
  return Promise.all(results);
}

/** Messages with the same event id are published one after the other, whatever becomes of the one before. */
function oneAfterTheOther(publisher: Publisher): Publisher['publish'] {
  const last = new Map<string, Promise<unknown>>();
  return (input: PublishInput): Promise<PublishResult> => {
    const { eventId } = input;
    if (eventId === undefined) return publisher.publish(input);
    const publish = () => publisher.publish(input);
    const earlier = last.get(eventId);
    const result = earlier === undefined ? publish() : earlier.then(publish, publish);
    last.set(eventId, result);
    return result;
  };
}
