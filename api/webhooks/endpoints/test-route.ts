import { z } from 'zod';
import { RawJson } from '../../../core/json/raw-json';
import { type Publisher, TEST_EVENT_TYPE, testEndpoint } from '../../../domains/webhooks';
import type { DoorContext } from '../../http/door';
import { type Route, route } from '../../http/route';
import { rawJson } from '../../http/schemas';
import { accepted } from '../messages/accepted';
import { publishedSchema, publishedView } from '../messages/schemas';
import { endpointParams } from './schemas';

const DEFAULT_PAYLOAD = new RawJson('{"message":"This is a test event from Waybill."}');

const testEventSchema = z
  .strictObject({
    payload: rawJson
      .refine(({ text }) => text.startsWith('{'), 'expected an object')
      .default(DEFAULT_PAYLOAD)
      .meta({
        type: 'object',
        additionalProperties: true,
        default: JSON.parse(DEFAULT_PAYLOAD.text),
        description: 'The data of the event, a JSON object. It is sent as it is written.',
      }),
  })
  .meta({ id: 'TestEvent', example: { payload: { hello: 'there' } } })
  .prefault({});

export function endpointTestRoute(deps: Pick<DoorContext, 'pool' | 'workflowUrl'> & { publisher: Publisher }): Route {
  return route({
    method: 'post',
    path: '/v1/endpoints/{id}/test',
    operationId: 'testEndpoint',
    tag: 'Endpoints',
    summary: 'Send a test event to one endpoint',
    description: `Publishes a message of the type \`${TEST_EVENT_TYPE}\` to this endpoint alone, whatever it subscribes to.`,
    scope: 'endpoints:write',
    params: endpointParams,
    body: testEventSchema,
    rawMembers: ['payload'],
    responses: {
      202: {
        description: 'The message is accepted.',
        body: publishedSchema,
        headers: { Location: "The message's path." },
      },
    },
    problems: ['wrong-state'],
    handler: async ({ params, body }, context) => {
      const result = accepted(await testEndpoint(deps, context, { endpointId: params.id, data: body.payload.text }));
      return {
        status: 202,
        headers: { location: `/v1/messages/${result.id}` },
        body: publishedView(result, { eventType: TEST_EVENT_TYPE, eventId: undefined }, deps.workflowUrl),
      };
    },
  });
}
