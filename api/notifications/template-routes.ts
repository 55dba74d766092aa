import {
  changeTemplate,
  createTemplate,
  deleteTemplate,
  findTemplate,
  listTemplates,
  listTemplateVersions,
  previewTemplate,
  showTemplate,
  type WholeTemplate,
} from '../../domains/notifications';
import { type CursorKind, pageBody, pageRequest } from '../http/cursor';
import type { DoorContext } from '../http/door';
import { ETAG, etag, ifMatchHeaders } from '../http/etag';
import { Problem } from '../http/problems';
import { type Route, route } from '../http/route';
import {
  newTemplateSchema,
  previewSchema,
  previewWishSchema,
  templateChangeSchema,
  templatePageSchema,
  templateParams,
  templateQuery,
  templateSchema,
  templateSummary,
  templateVersionsSchema,
  templateView,
  versionView,
} from './template-schemas';

const TAG = 'Notification templates';
const PATH = '/v1/notification-templates';
const CURSOR: CursorKind = { list: 'notification-templates', isKey: (text) => /^[A-Za-z0-9._-]+$/.test(text) };

export function templateRoutes(context: DoorContext): Route[] {
  const { pool, reads } = context;
  const shown = (whole: WholeTemplate) => ({
    status: 200 as const,
    headers: etag({ version: whole.template.revision }),
    body: templateView(whole),
  });

  return [
    route({
      method: 'post',
      path: PATH,
      operationId: 'createTemplate',
      tag: TAG,
      summary: 'Make a template',
      scope: 'templates:write',
      body: newTemplateSchema,
      responses: {
        201: {
          description: 'The template.',
          body: templateSchema,
          headers: { Location: "The template's path.", ...ETAG },
        },
      },
      problems: ['already-exists'],
      handler: async ({ body: { key, ...wish } }, { tenantId, keyId }) => {
        const whole = await createTemplate(context, { tenantId, keyId, key }, wish);
        return { ...shown(whole), status: 201, headers: { location: `${PATH}/${key}`, ...shown(whole).headers } };
      },
    }),
    route({
      method: 'get',
      path: PATH,
      operationId: 'listTemplates',
      tag: TAG,
      summary: 'List templates by key',
      scope: 'templates:read',
      query: templateQuery,
      responses: { 200: { description: 'A page of templates without what they say.', body: templatePageSchema } },
      handler: async ({ query }, { tenantId }) => {
        const request = pageRequest(CURSOR, query, 'asc');
        const page = await listTemplates(reads, tenantId, request);
        return { status: 200, body: pageBody(CURSOR, request, page, templateSummary) };
      },
    }),
    route({
      method: 'get',
      path: `${PATH}/{key}`,
      operationId: 'getTemplate',
      tag: TAG,
      summary: 'Get a template',
      scope: 'templates:read',
      params: templateParams,
      responses: { 200: { description: 'The template.', body: templateSchema, headers: ETAG } },
      handler: async ({ params }, { tenantId }) => shown(await showTemplate(context, tenantId, params.key)),
    }),
    route({
      method: 'patch',
      path: `${PATH}/{key}`,
      operationId: 'updateTemplate',
      tag: TAG,
      summary: 'Change a template',
      description:
        'What is left out stays. A new content is a new version; notifications that were accepted keep theirs.',
      scope: 'templates:write',
      params: templateParams,
      headers: ifMatchHeaders,
      body: templateChangeSchema,
      mediaTypes: ['application/json', 'application/merge-patch+json'],
      responses: { 200: { description: 'The template as it is now.', body: templateSchema, headers: ETAG } },
      handler: async ({ params: { key }, headers, body }, { tenantId, keyId }) =>
        shown(await changeTemplate(context, { tenantId, keyId, key, expected: headers['if-match'] }, body)),
    }),
    route({
      method: 'delete',
      path: `${PATH}/{key}`,
      operationId: 'deleteTemplate',
      tag: TAG,
      summary: 'Delete a template with all its versions',
      description: 'Notifications that were accepted are sent all the same.',
      scope: 'templates:write',
      params: templateParams,
      headers: ifMatchHeaders,
      responses: { 204: { description: 'It is deleted.' } },
      handler: async ({ params: { key }, headers }, { tenantId, keyId }) => {
        await deleteTemplate(context, { tenantId, keyId, key, expected: headers['if-match'] });
        return { status: 204 };
      },
    }),
    route({
      method: 'get',
      path: `${PATH}/{key}/versions`,
      operationId: 'listTemplateVersions',
      tag: TAG,
      summary: "List a template's last hundred versions, the latest first",
      scope: 'templates:read',
      params: templateParams,
      responses: { 200: { description: 'The versions.', body: templateVersionsSchema } },
      handler: async ({ params: { key } }, { tenantId }) => {
        if ((await findTemplate(pool, tenantId, key)) === undefined) throw new Problem('not-found');
        return { status: 200, body: { data: (await listTemplateVersions(pool, tenantId, key)).map(versionView) } };
      },
    }),
    route({
      method: 'post',
      path: `${PATH}/{key}/preview`,
      operationId: 'previewTemplate',
      tag: TAG,
      summary: 'Fill a template, without sending anything',
      scope: 'templates:read',
      params: templateParams,
      body: previewWishSchema,
      responses: { 200: { description: 'What would be sent.', body: previewSchema } },
      handler: async ({ params: { key }, body: { version, data } }, { tenantId }) => ({
        status: 200,
        body: await previewTemplate(context, { tenantId, key, version }, data),
      }),
    }),
  ];
}
