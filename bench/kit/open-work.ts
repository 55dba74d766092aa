import { Connection } from '@temporalio/client';
import type { Pool } from 'pg';

/** Unfinished work. The counts reject while their server is away. */
export interface OpenWork {
  /** Deliveries that are pending, retrying or held. */
  deliveries(): Promise<number>;
  /** Those of them that are overdue by more than this many milliseconds. */
  lateDeliveries(ms: number): Promise<number>;
  /** Running covering workflows. */
  workflows(): Promise<number>;
  /** Running workflows of any kind; those that have one of these tenants' deliveries where some are given. */
  runningWorkflows(tenantIds?: readonly string[]): Promise<number>;
  close(): Promise<void>;
}

export function createOpenWork(pool: Pool, temporalAddress: string): OpenWork {
  const temporal = Connection.lazy({ address: temporalAddress });
  const count = async (condition: string, values: unknown[]) => {
    const { rows } = await pool.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM deliveries WHERE state IN ('pending', 'retrying', 'held') ${condition}`,
      values,
    );
    return rows[0]?.count ?? 0;
  };
  const countWorkflows = async (query: string) => {
    const answer = await temporal.workflowService.countWorkflowExecutions({ namespace: 'default', query });
    return Number(answer.count);
  };
  return {
    deliveries: () => count('', []),
    lateDeliveries: (ms) => count("AND next_attempt_at < now() - $1::int * interval '1 millisecond'", [ms]),
    workflows: () => countWorkflows("WorkflowType = 'webhookDelivery' AND ExecutionStatus = 'Running'"),
    runningWorkflows: (tenantIds) => {
      const running = "ExecutionStatus = 'Running'";
      if (tenantIds === undefined) return countWorkflows(running);
      const theirs = tenantIds.map((id) => `TenantIds = '${id}'`).join(' OR ');
      return tenantIds.length === 0 ? Promise.resolve(0) : countWorkflows(`${running} AND (${theirs})`);
    },
    close: () => temporal.close(),
  };
}
