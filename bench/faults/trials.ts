import { FULL_FIFO_FAULTS, QUICK_FIFO_FAULTS, runFifoFaults } from './fifo-faults';
import { FULL_INBOUND_FAULTS, QUICK_INBOUND_FAULTS, runInboundFaults } from './inbound-faults';
import { LIMIT_FAULTS, runLimitFaults } from './limit-faults';
import { FULL_PAYMENT_FAULTS, QUICK_PAYMENT_FAULTS, runPaymentFaults } from './payment-faults';
import { FULL_RECOVERY_FAULTS, QUICK_RECOVERY_FAULTS, runRecoveryFaults } from './recovery-faults';
import { REPLAY_FAULTS, runReplayFaults } from './replay-faults';

/** How one promise is tried: on a stack of its own, in the short or in the full form. `sound` says whether it was kept. */
type Trial = (quick: boolean, signal: AbortSignal) => Promise<{ sound: boolean }>;

/** Everything that is tried besides the delivery of webhooks, by its name for `--only`. */
export const TRIALS: Readonly<Record<string, Trial>> = {
  payments: (quick, signal) => runPaymentFaults(quick ? QUICK_PAYMENT_FAULTS : FULL_PAYMENT_FAULTS, signal),
  inbound: (quick, signal) => runInboundFaults(quick ? QUICK_INBOUND_FAULTS : FULL_INBOUND_FAULTS, signal),
  replay: (_quick, signal) => runReplayFaults(REPLAY_FAULTS, signal),
  recovery: (quick, signal) => runRecoveryFaults(quick ? QUICK_RECOVERY_FAULTS : FULL_RECOVERY_FAULTS, signal),
  fifo: (quick, signal) => runFifoFaults(quick ? QUICK_FIFO_FAULTS : FULL_FIFO_FAULTS, signal),
  limit: (_quick, signal) => runLimitFaults(LIMIT_FAULTS, signal),
};
