import type { Domain } from '../../infra/platform/domain';
import { housekeeping } from '../../infra/temporal/schedules';
import { webhooksConfig } from './config';
import { WEBHOOK_SCHEDULES, WEBHOOK_WORKFLOWS } from './rules/workflow-names';

const RETENTION_INTERVAL_MS = 3_600_000;

export const webhooks: Domain = {
  name: 'webhooks',
  config: webhooksConfig,
  scopes: [
    'endpoints:read',
    'endpoints:write',
    'endpoint-secrets:read',
    'endpoint-secrets:write',
    'event-types:read',
    'event-types:write',
    'messages:read',
    'messages:write',
    'deliveries:read',
    'deliveries:write',
    'dead-letters:read',
    'dead-letters:write',
  ],
  schedules: ({ config }) => [
    housekeeping(config, {
      id: WEBHOOK_SCHEDULES.sweepOverdue,
      workflowType: WEBHOOK_WORKFLOWS.sweepOverdue,
      everyMs: config.WAYBILL_SWEEP_INTERVAL,
      summary: 'Gives overdue deliveries to their workflows',
    }),
    housekeeping(config, {
      id: WEBHOOK_SCHEDULES.retention,
      workflowType: WEBHOOK_WORKFLOWS.retention,
      everyMs: RETENTION_INTERVAL_MS,
      summary: 'Forgets what has been kept long enough',
    }),
  ],
};
