import type { Logger } from '../../../infra/log';
import { inTime } from '../../../infra/temporal/in-time';
import { type Starter, startChargeback } from '../start';
import type { Chargeback } from '../store/chargebacks';

/** Starts the workflow of an open chargeback; if that fails, such as while Temporal is down, the sweep does. */
export async function leaveToWorkflow(starter: Starter, chargeback: Chargeback, log: Logger): Promise<void> {
  await inTime(startChargeback(starter, chargeback, { news: true })).catch((error: unknown) =>
    log.warn({ err: error, chargebackId: chargeback.id }, 'a chargeback is left to the sweep'),
  );
}
