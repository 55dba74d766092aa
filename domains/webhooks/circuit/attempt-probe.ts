import type { Platform } from '../../../infra/platform/platform';
import type { AttemptEnd, LeasedDelivery } from '../delivery/leased-delivery';
import { openDispatch } from '../delivery/open-dispatch';

/** A probe that takes longer goes on without the slot of whoever makes it. */
const PATIENCE_MS = 2_000;

/**
 * Attempts a delivery to see whether its endpoint works, and waits a moment for the end. Never rejects.
 *
 * @param conclude - records what came of it, even if nobody waits any more
 */
export async function attemptProbe(
  platform: Platform,
  delivery: LeasedDelivery,
  conclude: (end: AttemptEnd) => Promise<void>,
): Promise<void> {
  const { engine } = openDispatch(platform);
  const ended = new Promise<AttemptEnd>((resolve) => engine.attemptLeased(delivery, 'probe', resolve)).then(conclude);
  const settled = ended.catch((error: unknown) =>
    platform.log.warn(
      { err: error, endpointId: delivery.endpointId },
      'could not record a probe; the next one comes later',
    ),
  );
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, PATIENCE_MS);
  });
  await Promise.race([settled, late]).finally(() => clearTimeout(timer));
}
