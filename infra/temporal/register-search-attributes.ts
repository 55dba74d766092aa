import { type Client, type Connection, isGrpcServiceError } from '@temporalio/client';
import type { SearchAttributeType } from '@temporalio/common';
import type { Logger } from '../log';
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

/** The types as Temporal's command lines call them. */
const TYPE_NAMES: Record<SearchAttributeType, string> = {
  TEXT: 'Text',
  KEYWORD: 'Keyword',
  INT: 'Int',
  DOUBLE: 'Double',
  BOOL: 'Bool',
  DATETIME: 'Datetime',
  KEYWORD_LIST: 'KeywordList',
};

/** gRPC's PERMISSION_DENIED, UNIMPLEMENTED, UNAUTHENTICATED: what servers say to those who may not administer them. */
const REFUSALS: readonly number[] = [7, 12, 16];

/**
 * Adds the search attributes that the namespace does not have yet. Where that is refused, as by Temporal Cloud, it logs
 * which ones are missing and how to add them: without them no workflow can be started.
 *
 * @throws when Temporal cannot be reached
 */
export async function registerSearchAttributes(client: Client, namespace: string, log: Logger): Promise<void> {
  try {
    await addMissing(client, namespace);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    logMissing(await findNames(client, namespace), namespace, log);
  }
}

async function addMissing(client: Client, namespace: string): Promise<void> {
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

/**
 * The names of the namespace's search attributes, as far as those may know who may not administer it: with visibility in
 * SQL they are aliases, told by the namespace; otherwise they are names of the visibility store.
 *
 * @returns undefined when both questions are refused
 */
async function findNames(client: Client, namespace: string): Promise<Set<string> | undefined> {
  const { workflowService } = client;
  const [aliases, stored] = await Promise.all([
    unlessRefused(
      workflowService
        .describeNamespace({ namespace })
        .then(({ config }) => Object.values(config?.customSearchAttributeAliases ?? {})),
    ),
    unlessRefused(workflowService.getSearchAttributes({}).then(({ keys }) => Object.keys(keys ?? {}))),
  ]);
  if (aliases === undefined && stored === undefined) return undefined;
  return new Set([...(aliases ?? []), ...(stored ?? [])]);
}

function logMissing(names: ReadonlySet<string> | undefined, namespace: string, log: Logger): void {
  const missing = SEARCH_ATTRIBUTES.filter(({ name }) => names?.has(name) !== true).map(({ name, type }) => ({
    name,
    type: TYPE_NAMES[type],
  }));
  if (missing.length === 0) return;
  const details = {
    namespace,
    missing: missing.map(({ name, type }) => `${name} (${type})`),
    commands: [
      `temporal operator search-attribute create --namespace ${namespace}${missing.map(({ name, type }) => ` --name ${name} --type ${type}`).join('')}`,
      `tcld namespace search-attributes add --namespace ${namespace}${missing.map(({ name, type }) => ` --search-attribute "${name}=${type}"`).join('')}`,
    ],
  };
  if (names === undefined) log.warn(details, 'may not see which search attributes there are; these are needed');
  else log.error(details, 'search attributes are missing, and may not be added from here: workflows cannot be started');
}

function isRefusal(error: unknown): boolean {
  return isGrpcServiceError(error) && REFUSALS.includes(error.code);
}

function unlessRefused<T>(answer: Promise<T>): Promise<T | undefined> {
  return answer.catch((error: unknown) => {
    if (isRefusal(error)) return undefined;
    throw error;
  });
}
