import type { PublicId } from '../../core/ids';
import { type ChangeRequest, changePreferences, type PreferenceWish, readPreferences } from '../../domains/preferences';
import type { DoorContext } from '../http/door';
import { ETAG, etag, ifMatchHeaders } from '../http/etag';
import { Problem } from '../http/problems';
import { type Route, route } from '../http/route';
import {
  changedSchema,
  choicesOf,
  optSchema,
  preferenceChangeSchema,
  preferencesSchema,
  preferencesView,
  resetSchema,
} from './preference-schemas';
import { subscriberParams } from './shared-schemas';

const TAG = 'Preferences';
const PATH = '/v1/subscribers/{id}/preferences';
const WHEN_IT_COUNTS = 'Once it is answered, nothing is sent by what was before.';

export function preferenceRoutes(context: DoorContext): Route[] {
  const { pool } = context;
  const responses = {
    200: { description: 'It is committed.', body: changedSchema, headers: ETAG },
  };

  async function read(tenantId: PublicId, id: PublicId) {
    const preferences = await readPreferences(pool, tenantId, id);
    if (preferences === undefined) throw new Problem('not-found');
    return preferences;
  }

  async function changed(request: ChangeRequest, wish: PreferenceWish) {
    const { changeId, version } = await changePreferences(context, request, wish);
    const { tenantId, subscriberId } = request;
    const preferences = await read(tenantId, subscriberId);
    return {
      status: 200 as const,
      headers: etag(preferences),
      body: { changeId, version, preferences: preferencesView(subscriberId, preferences) },
    };
  }

  const opt = (kind: 'opt_in' | 'opt_out') =>
    route({
      method: 'post',
      path: `${PATH}/${kind === 'opt_in' ? 'opt-in' : 'opt-out'}`,
      operationId: kind === 'opt_in' ? 'optIn' : 'optOut',
      tag: TAG,
      summary:
        kind === 'opt_in' ? 'Record that somebody wants something' : 'Record that somebody does not want something',
      description:
        kind === 'opt_in'
          ? `${WHEN_IT_COUNTS} A refusal that is broader or narrower still denies: take it back as well.`
          : WHEN_IT_COUNTS,
      scope: 'preferences:write',
      params: subscriberParams,
      body: optSchema,
      responses,
      handler: async ({ params, body }, { tenantId, keyId, effectId }) => {
        const value = kind === 'opt_in';
        const choices = choicesOf(body.choices.map((place) => ({ ...place, value })));
        const request = { tenantId, subscriberId: params.id, actor: keyId, effectId, evidence: body.evidence };
        return changed(request, { kind, choices, quietHours: undefined });
      },
    });

  return [
    route({
      method: 'get',
      path: PATH,
      operationId: 'getPreferences',
      tag: TAG,
      summary: 'Get what somebody wants',
      scope: 'preferences:read',
      params: subscriberParams,
      responses: { 200: { description: 'Their preferences.', body: preferencesSchema, headers: ETAG } },
      handler: async ({ params }, { tenantId }) => {
        const preferences = await read(tenantId, params.id);
        return { status: 200, headers: etag(preferences), body: preferencesView(params.id, preferences) };
      },
    }),
    route({
      method: 'patch',
      path: PATH,
      operationId: 'setPreferences',
      tag: TAG,
      summary: 'Set what somebody wants',
      description: `Choices that are not named stay. ${WHEN_IT_COUNTS}`,
      scope: 'preferences:write',
      params: subscriberParams,
      headers: ifMatchHeaders,
      body: preferenceChangeSchema,
      mediaTypes: ['application/json', 'application/merge-patch+json'],
      responses,
      problems: ['wrong-state'],
      handler: async ({ params, headers, body }, { tenantId, keyId, effectId }) => {
        const { evidence, quietHours } = body;
        const expected = headers['if-match'];
        const request = { tenantId, subscriberId: params.id, actor: keyId, effectId, evidence, expected };
        return changed(request, { kind: 'set', choices: choicesOf(body.choices), quietHours });
      },
    }),
    opt('opt_in'),
    opt('opt_out'),
    route({
      method: 'post',
      path: `${PATH}/reset`,
      operationId: 'resetPreferences',
      tag: TAG,
      summary: 'Take back every choice, and quiet hours',
      description: `Defaults hold again. It is no consent: suppressions stay, such as those after a complaint. ${WHEN_IT_COUNTS}`,
      scope: 'preferences:write',
      params: subscriberParams,
      body: resetSchema,
      responses,
      handler: async ({ params, body }, { tenantId, keyId, effectId }) => {
        const request = { tenantId, subscriberId: params.id, actor: keyId, effectId, evidence: body.evidence };
        return changed(request, { kind: 'reset', choices: [], quietHours: null });
      },
    }),
  ];
}
