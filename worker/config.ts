import { z } from 'zod';
import { port, setting } from '../infra/config/fields';
import { WORK, type Work } from '../infra/temporal/task-queues';

const isWork = (name: string): name is Work => WORK.some((work) => work === name);

export const workerConfig = z.object({
  WAYBILL_WORKER_PORT: port(8081, "port of the worker's `/healthz`, `/readyz` and `/metrics`"),
  WAYBILL_TEMPORAL_METRICS_PORT: port(8082, "port of the Temporal SDK's own metrics in the worker"),
  WAYBILL_WORKER_ROLES: setting(
    z
      .string()
      .default(WORK.join(','))
      .transform((text, ctx): readonly Work[] => {
        const names = text.split(',').map((name) => name.trim());
        const known = names.filter(isWork);
        if (known.length === names.length) return [...new Set(known)];
        ctx.addIssue({ code: 'custom', message: `expected one or more of ${WORK.join(', ')}, comma separated` });
        return z.NEVER;
      }),
    'the kinds of work that a worker process does, comma separated: `delivery`, `backlog`, `money`, `upkeep`',
    WORK.join(','),
  ),
});
