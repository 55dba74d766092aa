import type { Domain } from '../../infra/platform/domain';
import { housekeeping } from '../../infra/temporal/schedules';
import { preferencesConfig } from './config';
import { PREFERENCE_WORKFLOWS, SWEEP_PREFERENCES_SCHEDULE } from './rules/workflow-names';
import { watchPreferences } from './watch-preferences';

export const preferences: Domain = {
  name: 'preferences',
  config: preferencesConfig,
  scopes: [
    'subscribers:read',
    'subscribers:write',
    'subscribers:export',
    'preferences:read',
    'preferences:write',
    'suppressions:read',
    'suppressions:write',
    'suppressions:lift',
  ],
  watch: watchPreferences,
  schedules: ({ config }) => [
    housekeeping(config, {
      id: SWEEP_PREFERENCES_SCHEDULE,
      workflowType: PREFERENCE_WORKFLOWS.sweepPreferences,
      everyMs: config.WAYBILL_SWEEP_INTERVAL,
      summary: 'Has what follows changes of preferences carried out where nothing attends to it',
    }),
  ],
};
