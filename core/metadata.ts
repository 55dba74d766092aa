/** Entries of what a client keeps with a resource, at most. */
export const MAX_METADATA_ENTRIES = 50;
