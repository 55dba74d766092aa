/** What an erasure counts, each with what it is for people. */
export const ERASED_KINDS = {
  destinations: 'addresses',
  choices: 'choices',
  suppressionDetails: 'texts and addresses of suppressions',
  exports: 'exports',
  pendingSends: 'sends that were pending',
  contents: 'contents of notifications',
  inboxItems: 'items of the inbox',
  messages: 'messages to endpoints',
  traces: 'answers of servers and services',
} as const;

export type ErasedKind = keyof typeof ERASED_KINDS;

/** How many of each kind an erasure has taken away; a kind that is absent had none. */
export type ErasedCounts = { [K in ErasedKind]?: number };
