/** `pending` until it is processed, or given up: then `failed`, until somebody retries it. */
export const INBOUND_STATES = ['pending', 'processed', 'failed'] as const;

export type InboundState = (typeof INBOUND_STATES)[number];

/** How a round of processing ended, and what is left to do. */
export interface InboundReport {
  processed: number;
  /** Given up. */
  failed: number;
  /** To be tried again. */
  retrying: number;
  /** Events of the workflow that are still pending. */
  open: number;
  /** Milliseconds until the next of them is due. */
  nextInMs: number;
}
