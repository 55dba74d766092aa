import { z } from 'zod';
import { type Publisher, TEST_EVENT_TYPE, testEndpoint } from '../../../domains/webhooks';
import type { DoorContext } from '../../http/door';
import { type Route, route } from '../../http/route';
import { jsonValue } from '../../http/schemas';
import { accepted } from '../messages/accepted';
import { publishedSchema, publishedView } from '../messages/schemas';
import { endpointParams } from './schemas';

const testEventSchema = z
  .strictObject({
    payload: z
      .record(z.string(), jsonValue)
      .default({ message: 'This is a test event from Waybill.' })
      .meta({ description: 'The data of the event, a JSON object.' }),
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
    responses: {
      202: {
        description: 'The message is accepted.',
        body: publishedSchema,
        headers: { Location: "The message's path." },
      },
    },
    problems: ['wrong-state'],
    handler: async ({ params, body }, context) => {
      const result = accepted(await testEndpoint(deps, context, { endpointId: params.id, payload: body.payload }));
      return {
        status: 202,
        headers: { location: `/v1/messages/${result.id}` },
        body: publishedView(result, { eventType: TEST_EVENT_TYPE, eventId: undefined }, deps.workflowUrl),
      };
    },
  });
}
