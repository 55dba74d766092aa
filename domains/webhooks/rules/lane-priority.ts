import type { Lane } from './lane';

/**
 * Temporal's priority of a lane's workflows and activities: 1 is the most urgent, 5 the least, and 3 what tasks have that say
 * nothing. Activities inherit their workflow's. A server whose matching knows no priorities takes tasks as they come.
 */
export const LANE_PRIORITY: Record<Lane, { priorityKey: number } | undefined> = {
  urgent: { priorityKey: 1 },
  normal: undefined,
  bulk: { priorityKey: 5 },
};
