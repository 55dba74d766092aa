import type { WorkerOptions } from '@temporalio/worker';
import type { Work } from '../infra/temporal/task-queues';

/** Slots, pollers and cached workflows of one task queue in one process. */
export type Slots = Required<
  Pick<
    WorkerOptions,
    | 'maxConcurrentActivityTaskExecutions'
    | 'maxConcurrentWorkflowTaskExecutions'
    | 'maxCachedWorkflows'
    | 'maxConcurrentActivityTaskPolls'
    | 'maxConcurrentWorkflowTaskPolls'
  >
>;

/**
 * What a worker process holds ready for each kind of work. Rounds of deliveries are short, whatever the receivers do, but
 * many fall due together; endpoints that have fallen behind take turns at few; a mail server that hangs holds up
 * notifications and nothing else; a sweep or retention is one activity at a time, so upkeep needs fewest.
 */
export const ROLES: Readonly<Record<Work, Slots>> = {
  delivery: {
    maxConcurrentActivityTaskExecutions: 200,
    maxConcurrentWorkflowTaskExecutions: 100,
    maxCachedWorkflows: 1_000,
    maxConcurrentActivityTaskPolls: 10,
    maxConcurrentWorkflowTaskPolls: 10,
  },
  backlog: {
    maxConcurrentActivityTaskExecutions: 100,
    maxConcurrentWorkflowTaskExecutions: 20,
    maxCachedWorkflows: 500,
    maxConcurrentActivityTaskPolls: 2,
    maxConcurrentWorkflowTaskPolls: 2,
  },
  notifications: {
    maxConcurrentActivityTaskExecutions: 100,
    maxConcurrentWorkflowTaskExecutions: 50,
    maxCachedWorkflows: 1_000,
    maxConcurrentActivityTaskPolls: 5,
    maxConcurrentWorkflowTaskPolls: 5,
  },
  money: {
    maxConcurrentActivityTaskExecutions: 100,
    maxConcurrentWorkflowTaskExecutions: 100,
    maxCachedWorkflows: 1_000,
    maxConcurrentActivityTaskPolls: 10,
    maxConcurrentWorkflowTaskPolls: 10,
  },
  upkeep: {
    maxConcurrentActivityTaskExecutions: 20,
    maxConcurrentWorkflowTaskExecutions: 10,
    maxCachedWorkflows: 50,
    maxConcurrentActivityTaskPolls: 2,
    maxConcurrentWorkflowTaskPolls: 2,
  },
};
