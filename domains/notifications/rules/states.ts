/**
 * `pending` until it is its turn, or quiet hours end; `sending` once it was allowed and handed over. Then it is `sent`:
 * whoever takes it further has it; `suppressed`: it was not allowed; `failed`: it was refused or given up; or `cancelled`.
 */
export const SEND_STATES = ['pending', 'sending', 'sent', 'suppressed', 'failed', 'cancelled'] as const;

export type SendState = (typeof SEND_STATES)[number];

/** How a send can end. */
export type SendEnd = Exclude<SendState, 'pending' | 'sending'>;

/** How a round of sending ended, and what is left to do. */
export interface SendReport {
  sent: number;
  suppressed: number;
  failed: number;
  /** Put off by quiet hours. */
  deferred: number;
  /** To be tried again. */
  retrying: number;
  /** Sends of the workflow that have not ended. */
  open: number;
  /** Milliseconds until the next of them is due. */
  nextInMs: number;
}
