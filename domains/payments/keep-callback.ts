import type { Logger } from '../../infra/log';
import { keepDispute } from './chargebacks/keep-dispute';
import type { PaymentDeps } from './deps';
import type { Callback } from './provider/wire';
import { keepRefundReport } from './refunding/keep-refund-report';

/**
 * Takes what the provider reports. The caller has to make sure that it comes from the provider.
 *
 * @throws PaymentRefusal when it is about something that we have not asked for
 */
export function keepCallback(deps: PaymentDeps, callback: Callback, log: Logger): Promise<void> {
  switch (callback.type) {
    case 'refund.succeeded':
    case 'refund.failed':
      return keepRefundReport(deps, callback, log);
    case 'chargeback.opened':
    case 'chargeback.won':
    case 'chargeback.lost':
      return keepDispute(deps, callback, log);
  }
}
