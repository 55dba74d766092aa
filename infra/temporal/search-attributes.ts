import { defineSearchAttributeKey } from '@temporalio/common';

/**
 * The custom search attributes, for filters in Web UI such as `EndpointIds = "ep_…" AND WaybillState = "retrying"`.
 * Postgres visibility has room for ten Keyword and three KeywordList attributes in all.
 */
export const TENANT_IDS = defineSearchAttributeKey('TenantIds', 'KEYWORD_LIST');
export const ENDPOINT_IDS = defineSearchAttributeKey('EndpointIds', 'KEYWORD_LIST');
export const WAYBILL_STATE = defineSearchAttributeKey('WaybillState', 'KEYWORD');

export const BUSINESS_DATE = defineSearchAttributeKey('BusinessDate', 'KEYWORD');

export const SEARCH_ATTRIBUTES = [TENANT_IDS, ENDPOINT_IDS, WAYBILL_STATE, BUSINESS_DATE];

/** Ids in a list attribute at most: the server takes 2 KB a value. A workflow with more says so in its details. */
export const MAX_LISTED_IDS = 40;
