import type { Domain } from '../../infra/platform/domain';
import { housekeeping } from '../../infra/temporal/schedules';
import { inboundConfig } from './config';
import { INBOUND_WORKFLOWS, SWEEP_INBOUND_SCHEDULE } from './rules/workflow-names';
import { watchInbound } from './watch-inbound';

export const inbound: Domain = {
  name: 'inbound',
  config: inboundConfig,
  scopes: ['inbound:read', 'inbound:write'],
  watch: watchInbound,
  schedules: ({ config }) => [
    housekeeping(config, {
      id: SWEEP_INBOUND_SCHEDULE,
      workflowType: INBOUND_WORKFLOWS.sweepInbound,
      everyMs: config.WAYBILL_SWEEP_INTERVAL,
      summary: 'Gives overdue inbound events to a workflow, and forgets old ones',
    }),
  ],
};
