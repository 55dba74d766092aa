import { accounts } from '../domains/accounts';
import { approvals } from '../domains/approvals';
import { inbound } from '../domains/inbound';
import { ledger } from '../domains/ledger';
import { merchants } from '../domains/merchants';
import { notifications } from '../domains/notifications';
import { payments } from '../domains/payments';
import { preferences } from '../domains/preferences';
import { settlement } from '../domains/settlement';
import { webhooks } from '../domains/webhooks';
import type { Domain } from '../infra/platform/domain';

/** Every domain, for what a worker does for it besides its activities. */
export const DOMAINS: readonly Domain[] = [
  webhooks,
  inbound,
  preferences,
  notifications,
  payments,
  merchants,
  ledger,
  settlement,
  approvals,
  accounts,
];
