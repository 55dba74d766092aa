import type { Queryable } from '../../infra/postgres/pool';
import { type Decision, decide } from './rules/decide';
import { type DecisionPlace, readFacts } from './store/decision';

/** What is asked, and for which moment; without one, now by the database's clock. */
export interface DecisionQuestion extends DecisionPlace {
  at?: Date | undefined;
}

/**
 * Decides whether something may be sent, for the transaction that hands it over: until that ends, nothing that the decision
 * depends on changes. An opt-out that was acknowledged before is seen, and one that comes meanwhile is acknowledged after.
 *
 * @param db - one connection inside a transaction, READ COMMITTED
 * @returns `undefined` when the tenant has no such subscriber
 */
export function decideInTransaction(db: Queryable, question: DecisionQuestion): Promise<Decision | undefined> {
  return decideBy(db, question, true);
}

/** Decides as of now, for whoever only wants to know: it may have changed when they read it. */
export function explainDecision(db: Queryable, question: DecisionQuestion): Promise<Decision | undefined> {
  return decideBy(db, question, false);
}

async function decideBy(
  db: Queryable,
  { at, ...place }: DecisionQuestion,
  hold: boolean,
): Promise<Decision | undefined> {
  const facts = await readFacts(db, place, hold);
  return facts && decide({ ...facts, at: at?.getTime() ?? facts.now });
}
