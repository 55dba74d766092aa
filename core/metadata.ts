/** Most metadata entries that a client may keep with a resource. */
export const MAX_METADATA_ENTRIES = 50;
