import {
  type Category,
  changeCategory,
  createCategory,
  findCategory,
  listCategories,
  removeCategory,
} from '../../domains/preferences';
import { type CursorKind, pageBody, pageRequest } from '../http/cursor';
import type { DoorContext } from '../http/door';
import { ETAG, etag, ifMatchHeaders } from '../http/etag';
import { Problem } from '../http/problems';
import { type Route, route } from '../http/route';
import {
  catalogueQuery,
  categoryChangeSchema,
  categoryPageSchema,
  categorySchema,
  categoryView,
  keyParams,
  newCategorySchema,
} from './catalogue-schemas';

const TAG = 'Categories and topics';
const CURSOR: CursorKind = { list: 'categories', isKey: (text) => /^[A-Za-z0-9._-]+$/.test(text) };

export function categoryRoutes(context: DoorContext): Route[] {
  const { pool, reads } = context;
  const shownCategory = (category: Category) => ({
    status: 200 as const,
    headers: etag({ version: category.revision }),
    body: categoryView(category),
  });
  return [
    route({
      method: 'post',
      path: '/v1/categories',
      operationId: 'createCategory',
      tag: TAG,
      summary: 'Lay down a category',
      scope: 'preferences:write',
      body: newCategorySchema,
      responses: {
        201: {
          description: 'The category.',
          body: categorySchema,
          headers: { Location: "The category's path.", ...ETAG },
        },
      },
      problems: ['already-exists'],
      handler: async ({ body: { key, ...fields } }, { tenantId, keyId }) => {
        const made = shownCategory(await createCategory(context, { tenantId, keyId, key }, fields));
        return { ...made, status: 201, headers: { location: `/v1/categories/${key}`, ...made.headers } };
      },
    }),
    route({
      method: 'get',
      path: '/v1/categories',
      operationId: 'listCategories',
      tag: TAG,
      summary: 'List categories by key',
      scope: 'preferences:read',
      query: catalogueQuery,
      responses: { 200: { description: 'A page of categories.', body: categoryPageSchema } },
      handler: async ({ query }, { tenantId }) => {
        const request = pageRequest(CURSOR, query, 'asc');
        const page = await listCategories(reads, tenantId, request);
        return { status: 200, body: pageBody(CURSOR, request, page, categoryView) };
      },
    }),
    route({
      method: 'get',
      path: '/v1/categories/{key}',
      operationId: 'getCategory',
      tag: TAG,
      summary: 'Get a category',
      scope: 'preferences:read',
      params: keyParams,
      responses: { 200: { description: 'The category.', body: categorySchema, headers: ETAG } },
      handler: async ({ params }, { tenantId }) => {
        const category = await findCategory(pool, tenantId, params.key);
        if (category === undefined) throw new Problem('not-found');
        return shownCategory(category);
      },
    }),
    route({
      method: 'patch',
      path: '/v1/categories/{key}',
      operationId: 'updateCategory',
      tag: TAG,
      summary: 'Change a category',
      description: 'What is left out stays. It counts for the next decision.',
      scope: 'preferences:write',
      params: keyParams,
      headers: ifMatchHeaders,
      body: categoryChangeSchema,
      mediaTypes: ['application/json', 'application/merge-patch+json'],
      responses: { 200: { description: 'The category as it is now.', body: categorySchema, headers: ETAG } },
      handler: async ({ params, headers, body }, { tenantId, keyId }) => {
        const command = { tenantId, keyId, key: params.key, expected: headers['if-match'] };
        return shownCategory(await changeCategory(context, command, body));
      },
    }),
    route({
      method: 'delete',
      path: '/v1/categories/{key}',
      operationId: 'deleteCategory',
      tag: TAG,
      summary: 'Remove a category',
      description: 'What subscribers have chosen of it stays, should it come back.',
      scope: 'preferences:write',
      params: keyParams,
      headers: ifMatchHeaders,
      responses: { 204: { description: 'It is removed.' } },
      problems: ['wrong-state'],
      handler: async ({ params, headers }, { tenantId, keyId }) => {
        await removeCategory(context, { tenantId, keyId, key: params.key, expected: headers['if-match'] });
        return { status: 204 };
      },
    }),
  ];
}
