import type { ProviderSays, Standing } from './charge';

/** What is known of a payment's earlier calls. */
export interface Past {
  /** Whether an earlier call may have reached the provider; false only when that is certain. */
  mayHaveCalled: boolean;
  /** Whether the provider still knows the idempotency keys of the first calls, so that repeating one is the same call. */
  keysAreKnown: boolean;
  /** Whether to stop trying to take the money, and let it go instead. */
  lettingGo: boolean;
  /** A definite refusal of a call made for this step, if there was one; a refused call did nothing. */
  refused?: { call: 'authorise' | 'capture' | 'void'; code: string };
}

/** What to do next for a payment by card. */
export type Step =
  | { do: 'authorise' }
  | { do: 'capture'; chargeId: string }
  /** Releases what is promised, and closes the payment's reference to calls still on their way; `code` says why. */
  | { do: 'void'; code: string }
  | { do: 'post'; chargeId: string; capturedAt: Date | undefined }
  | { do: 'end'; state: 'declined' | 'failed' | 'voided'; code: string }
  | { do: 'review'; code: string; says?: ProviderSays };

/**
 * The next step of a payment by card, from what the provider says. A payment never ends without money unless the provider
 * declined it, a void succeeded, or its only call was refused.
 */
export function nextStep(standing: Standing, past: Past): Step {
  const { mayHaveCalled, refused } = past;
  const stop = reasonToStop(past);
  switch (standing.state) {
    case 'captured':
      return { do: 'post', chargeId: standing.charge.id, capturedAt: standing.charge.capturedAt };
    case 'declined':
      return { do: 'end', state: 'declined', code: standing.code };
    case 'voided':
      return { do: 'end', state: 'voided', code: stop ?? 'voided_at_provider' };
    case 'differs':
      if (!standing.taken && refused?.call !== 'void') return { do: 'void', code: standing.code };
      return { do: 'review', code: standing.code, says: standing.says };
    case 'authorised':
      if (refused?.call === 'void') return { do: 'review', code: 'void_refused' };
      return stop === undefined ? { do: 'capture', chargeId: standing.charge.id } : { do: 'void', code: stop };
    case 'none':
      if (refused?.call === 'void') return { do: 'review', code: 'void_refused' };
      if (stop === undefined) return { do: 'authorise' };
      return refused?.call === 'authorise' && !mayHaveCalled
        ? { do: 'end', state: 'failed', code: refused.code }
        : { do: 'void', code: stop };
  }
}

/** Why no more money is to be taken for it; undefined while it is. */
function reasonToStop({ lettingGo, keysAreKnown, refused }: Past): string | undefined {
  if (refused !== undefined) return refused.code;
  if (!keysAreKnown) return 'too_late';
  return lettingGo ? 'provider_unreachable' : undefined;
}
