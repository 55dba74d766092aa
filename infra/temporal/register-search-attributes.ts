import type { Client, Connection } from '@temporalio/client';
import type { SearchAttributeType } from '@temporalio/common';
import { SEARCH_ATTRIBUTES } from './search-attributes';

// temporal.api.enums.v1.IndexedValueType; the enum itself is not exported to CommonJS users as a value.
const INDEXED_VALUE_TYPES: Record<SearchAttributeType, number> = {
  TEXT: 1,
  KEYWORD: 2,
  INT: 3,
  DOUBLE: 4,
  BOOL: 5,
  DATETIME: 6,
  KEYWORD_LIST: 7,
};

/** Adds the search attributes that the namespace does not have yet. */
export async function registerSearchAttributes(client: Client, namespace: string): Promise<void> {
  const { operatorService } = client.connection as Connection;
  const { customAttributes } = await operatorService.listSearchAttributes({ namespace });
  const missing = SEARCH_ATTRIBUTES.filter((attribute) => customAttributes?.[attribute.name] === undefined);
  if (missing.length === 0) return;
  await operatorService
    .addSearchAttributes({
      namespace,
      searchAttributes: Object.fromEntries(
        missing.map((attribute) => [attribute.name, INDEXED_VALUE_TYPES[attribute.type]]),
      ),
    })
    .catch(async (error) => {
      // Another process may have added them at the same moment.
      const now = await operatorService.listSearchAttributes({ namespace });
      if (missing.some((attribute) => now.customAttributes?.[attribute.name] === undefined)) throw error;
    });
}
