/**
 * Kinds of work, each with its own task queue and slots, so that hanging receivers never take the slots of a settlement
 * or a sweep.
 */
export const WORK = ['delivery', 'backlog', 'notifications', 'money', 'upkeep'] as const;

export type Work = (typeof WORK)[number];

/** The task queue of a kind of work. */
export function taskQueue(config: { WAYBILL_TASK_QUEUE: string }, work: Work): string {
  return `${config.WAYBILL_TASK_QUEUE}-${work}`;
}

/** Up to version 0.1 everything ran on one queue; workflows that began there are finished there. */
export function oldTaskQueue(config: { WAYBILL_TASK_QUEUE: string }): string {
  return config.WAYBILL_TASK_QUEUE;
}
