import { z } from 'zod';
import { findEndpoint, type Publisher } from '../../../domains/webhooks';
import type { DoorContext } from '../../http/door';
import { Problem } from '../../http/problems';
import { type Route, route } from '../../http/route';
import { jsonValue, RESERVED_EVENT_TYPES } from '../../http/schemas';
import { publishOrRefuse } from '../messages/publish';
import { publishedSchema, publishedView } from '../messages/schemas';
import { endpointParams } from './schemas';

const EVENT_TYPE = `${RESERVED_EVENT_TYPES}test`;

const testEventSchema = z
  .strictObject({
    payload: z
      .record(z.string(), jsonValue)
      .default({ message: 'This is a test event from Waybill.' })
      .meta({ description: 'The data of the event, a JSON object.' }),
  })
  .meta({ id: 'TestEvent', example: { payload: { hello: 'there' } } })
  .prefault({});

export function endpointTestRoute({
  pool,
  publisher,
  workflowUrl,
}: Pick<DoorContext, 'pool' | 'workflowUrl'> & { publisher: Publisher }): Route {
  return route({
    method: 'post',
    path: '/v1/endpoints/{id}/test',
    operationId: 'testEndpoint',
    tag: 'Endpoints',
    summary: 'Send a test event to one endpoint',
    description: `Publishes a message of the type \`${EVENT_TYPE}\` to this endpoint alone, whatever it subscribes to.`,
    scope: 'endpoints:write',
    params: endpointParams,
    body: testEventSchema,
    responses: {
      202: {
        description: 'The message is accepted.',
        body: publishedSchema,
        headers: { Location: "The message's path." },
      },
    },
    problems: ['wrong-state'],
    handler: async ({ params, body }, { tenantId, effectId }) => {
      const endpoint = await findEndpoint(pool, tenantId, params.id);
      if (endpoint === undefined) throw new Problem('not-found');
      if (endpoint.state === 'disabled') {
        throw new Problem('wrong-state', { detail: 'A disabled endpoint gets no messages: enable it first.' });
      }
      const result = await publishOrRefuse(publisher, {
        tenantId,
        eventType: EVENT_TYPE,
        payload: body.payload,
        // An endpoint with channels gets only messages that share one.
        channels: endpoint.channels,
        endpointId: endpoint.id,
        idempotencyKey: effectId,
      });
      return {
        status: 202,
        headers: { location: `/v1/messages/${result.id}` },
        body: publishedView(result, { eventType: EVENT_TYPE, eventId: undefined }, workflowUrl),
      };
    },
  });
}
