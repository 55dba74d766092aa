import type { PoolClient } from 'pg';
import { asId, type PublicId } from '../../../core/ids';
import {
  bumpEndpointVersion,
  findEndpoint,
  insertEndpointSecret,
  listEndpointSecrets,
  newSecret,
  openSecret,
  retireEndpointSecrets,
  sealSecret,
  withEndpoint,
} from '../../../domains/webhooks';
import type { Queryable } from '../../../infra/postgres/pool';
import type { DoorContext } from '../../http/door';
import { invalidField, Problem } from '../../http/problems';
import { type Route, route } from '../../http/route';
import { moment } from '../../http/schemas';
import { endpointParams } from './schemas';
import { endpointSecretSchema, rotateSecretSchema } from './secret-schema';

const TAG = 'Endpoint secrets';

/** Every live secret adds a signature to each message, and receivers bound the header. */
const MAX_LIVE_SECRETS = 10;

export function endpointSecretRoutes({ pool, keyring }: Pick<DoorContext, 'pool' | 'keyring'>): Route[] {
  async function view(db: Queryable, endpointId: PublicId) {
    const [current, ...older] = await listEndpointSecrets(db, endpointId);
    if (current === undefined) throw new Error(`endpoint ${endpointId} has no secret`);
    return {
      secret: openSecret(keyring, current),
      createdAt: moment(current.createdAt),
      previous: older.flatMap((old) =>
        old.expiresAt === undefined ? [] : [{ secret: openSecret(keyring, old), expiresAt: moment(old.expiresAt) }],
      ),
    };
  }

  /** @param id - of the new secret; one that is there already was made by an execution of the same request */
  async function rotate(
    client: PoolClient,
    endpointId: PublicId,
    id: PublicId,
    { secret, overlapMs }: { secret: string; overlapMs: number },
  ): Promise<void> {
    const live = await listEndpointSecrets(client, endpointId);
    if (live.some((known) => known.id === id)) return;
    if (live.some((known) => openSecret(keyring, known) === secret)) {
      throw invalidField('body', '#/secret', 'is one of the secrets that sign already');
    }
    if (overlapMs > 0 && live.length >= MAX_LIVE_SECRETS) {
      throw new Problem('wrong-state', {
        detail: `${live.length} secrets sign already: wait for one to expire, or end them all with the overlap "0s".`,
      });
    }
    await retireEndpointSecrets(client, endpointId, overlapMs);
    await insertEndpointSecret(client, endpointId, { id, encrypted: sealSecret(keyring, id, secret) });
    await bumpEndpointVersion(client, endpointId);
  }

  return [
    route({
      method: 'get',
      path: '/v1/endpoints/{id}/secret',
      operationId: 'getEndpointSecret',
      tag: TAG,
      summary: 'Show the secrets that sign',
      scope: 'endpoint-secrets:read',
      params: endpointParams,
      responses: { 200: { description: 'The secrets.', body: endpointSecretSchema } },
      handler: async ({ params }, { tenantId }) => {
        if ((await findEndpoint(pool, tenantId, params.id)) === undefined) throw new Problem('not-found');
        return { status: 200, body: await view(pool, params.id) };
      },
    }),
    route({
      method: 'post',
      path: '/v1/endpoints/{id}/secret/rotate',
      operationId: 'rotateEndpointSecret',
      tag: TAG,
      summary: 'Replace the signing secret',
      description:
        'Messages carry signatures of both secrets for the time of `overlap`, by default 24 hours, at most 7 days: the ' +
        'receiver can change over at any moment in between. Even older secrets end with it at the latest.',
      scope: 'endpoint-secrets:write',
      params: endpointParams,
      body: rotateSecretSchema,
      responses: { 200: { description: 'The secrets as they are now.', body: endpointSecretSchema } },
      problems: ['wrong-state'],
      handler: async ({ params, body }, { tenantId, effectId, fence }) =>
        withEndpoint(pool, tenantId, params.id, async (client) => {
          await fence(client);
          const id = asId('secret', effectId);
          await rotate(client, params.id, id, { secret: body.secret ?? newSecret(), overlapMs: body.overlap });
          return { status: 200 as const, body: await view(client, params.id) };
        }),
    }),
  ];
}
