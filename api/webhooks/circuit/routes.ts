import { commandCircuit, showCircuit } from '../../../domains/webhooks';
import type { DoorContext } from '../../http/door';
import { type Route, route } from '../../http/route';
import { endpointParams } from '../endpoints/schemas';
import { circuitSchema, circuitView, drainSchema } from './schemas';

const TAG = 'Endpoints';

export function circuitRoutes(deps: DoorContext): Route[] {
  const answer = { 200: { description: 'The circuit as it is now.', body: circuitSchema } };
  const command = (name: 'pause' | 'resume' | 'probe', told: { summary: string; description: string }) =>
    route({
      method: 'post',
      path: `/v1/endpoints/{id}/circuit/${name}`,
      operationId: `${name}Circuit`,
      tag: TAG,
      ...told,
      scope: 'endpoints:write',
      params: endpointParams,
      responses: answer,
      problems: ['wrong-state'],
      handler: async ({ params }, { tenantId }) => {
        const update = name === 'probe' ? 'probeNow' : name;
        const report = await commandCircuit(deps, tenantId, { endpointId: params.id, command: update });
        return { status: 200, body: circuitView(report) };
      },
    });

  return [
    route({
      method: 'get',
      path: '/v1/endpoints/{id}/circuit',
      operationId: 'getCircuit',
      tag: TAG,
      summary: "Get an endpoint's circuit",
      description: 'Whether its deliveries are attempted, held, or let go after an incident, and what comes next.',
      scope: 'endpoints:read',
      params: endpointParams,
      responses: answer,
      handler: async ({ params }, { tenantId }) => ({
        status: 200,
        body: circuitView(await showCircuit(deps, tenantId, params.id)),
      }),
    }),
    command('pause', {
      summary: 'Stop the probes of an open circuit',
      description: 'Its deliveries stay held until `resume`, or until a probe by command is delivered.',
    }),
    command('resume', {
      summary: 'Let the probes of an open circuit go on',
      description: 'They were stopped by `pause`.',
    }),
    command('probe', {
      summary: 'Try one held delivery now',
      description: 'If it is delivered, all that is held is let go.',
    }),
    route({
      method: 'post',
      path: '/v1/endpoints/{id}/circuit/drain',
      operationId: 'drainCircuit',
      tag: TAG,
      summary: 'Set how fast held deliveries are let go',
      description: 'For the present incident, from now on or once the endpoint works again.',
      scope: 'endpoints:write',
      params: endpointParams,
      body: drainSchema,
      responses: answer,
      problems: ['wrong-state'],
      handler: async ({ params, body }, { tenantId }) => {
        const input = { endpointId: params.id, command: 'drainAt', rate: body.rate } as const;
        return { status: 200, body: circuitView(await commandCircuit(deps, tenantId, input)) };
      },
    }),
  ];
}
