import type { LedgerKind } from '../../ledger/rules/postings';

/** A transition between states. The store allows no others, and docs/payments.md lists them all. */
export interface Move<State extends string> {
  from: readonly State[];
  to: State;
  /** Who makes it: a request, a workflow, a provider's callback, or a person who resumes what needs review. */
  by: 'request' | 'workflow' | 'provider' | 'person';
  /** What is posted to the ledger in the same transaction. */
  posts?: LedgerKind;
  /** The type of the event that is stored in the same transaction. */
  tells?: string;
}

/** The moves of one kind of thing, by name. */
export type Moves<State extends string> = Readonly<Record<string, Move<State>>>;

/** Whether a move may be made in a state. */
export function allows<State extends string>({ from }: Move<State>, state: State): boolean {
  return from.includes(state);
}
