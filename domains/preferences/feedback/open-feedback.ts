import { newId } from '../../../core/ids';
import type { Platform } from '../../../infra/platform/platform';
import type { Queryable } from '../../../infra/postgres/pool';
import { type HandledEvent, openHandlers } from '../../inbound';
import { hashAddress, openAddressKeys } from '../addresses';
import { PreferenceRefusal } from '../refusals';
import { type Feedback, PROVIDERS, type Provider, readFeedback } from '../rules/feedback';
import { EVERYTHING } from '../rules/suppression';
import { lockAddresses } from '../store/destinations';
import { suppressIn } from '../suppressing/suppress';

/** The name of a provider's handler, for the route of an inbound source. */
export function feedbackHandler(provider: Provider): string {
  return `${provider}-feedback`;
}

/**
 * Registers the handlers that make suppressions of bounces and complaints, once per process: `platform.once(openFeedback)`.
 * An event's suppressions are stored if and only if it counts as processed; what follows them, the sweep has carried out.
 */
export function openFeedback(platform: Platform): readonly string[] {
  const handlers = platform.once(openHandlers);
  return PROVIDERS.map((provider) => {
    const name = feedbackHandler(provider);
    handlers.register({ name, handle: (event, db) => handle(platform, provider, event, db) });
    return name;
  });
}

async function handle(
  platform: Platform,
  provider: Provider,
  { tenantId, body }: Pick<HandledEvent, 'tenantId' | 'body'>,
  db: Queryable,
): Promise<void> {
  const key = await platform.once(openAddressKeys).of(tenantId);
  const found = await Promise.all(
    readFeedback(provider, body.toString('utf8')).map(async (feedback) => ({
      feedback,
      address: await hashOf(platform, tenantId, feedback),
    })),
  );
  const usable = found.flatMap(({ feedback, address }) => (address === undefined ? [] : [{ feedback, address }]));
  // All at once, in one order: two events that name the same addresses take turns.
  await lockAddresses(
    db,
    tenantId,
    usable.map(({ address }) => address),
  );
  for (const { feedback, address } of usable) {
    const making = { tenantId, id: newId('sup'), actor: feedbackHandler(provider), address, key };
    const wish = { ...feedback, channel: 'email' as const, scope: EVERYTHING, expiresAt: undefined };
    await suppressIn(db, platform, { ...making, source: 'provider', leaveMs: 0 }, wish);
  }
}

/** Nobody can be written to at what is no address, so there is nothing to suppress. */
async function hashOf(platform: Platform, tenantId: HandledEvent['tenantId'], { address }: Feedback) {
  try {
    return await hashAddress(platform, tenantId, { channel: 'email', address });
  } catch (error) {
    if (error instanceof PreferenceRefusal) return undefined;
    throw error;
  }
}
