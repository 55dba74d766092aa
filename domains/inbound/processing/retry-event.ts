import type { PublicId } from '../../../core/ids';
import type { Platform } from '../../../infra/platform/platform';
import { inTime } from '../../../infra/temporal/in-time';
import { InboundRefusal } from '../refusals';
import { inboundWorkflowId } from '../rules/workflow-names';
import { processAgain } from '../start';
import { findEvent, type InboundEventWithBody } from '../store/events';
import { reopenEvent } from '../store/processing';

/**
 * Has a failed event processed again, by its source's route as it is now.
 *
 * @throws InboundRefusal when there is no such event, it has not failed, or its content is forgotten
 */
export async function retryEvent(platform: Platform, tenantId: PublicId, id: PublicId): Promise<InboundEventWithBody> {
  const { pool, log } = platform;
  const event = await requireEvent(platform, tenantId, id);
  const workflowId = inboundWorkflowId(event.sourceId, id);
  if (!(await reopenEvent(pool, { id, tenantId, workflowId }))) {
    const now = await requireEvent(platform, tenantId, id);
    if (now.state !== 'failed')
      throw new InboundRefusal('event-not-failed', `It is ${now.state}: only failed events can be retried.`);
    throw new InboundRefusal('content-forgotten', 'Its content is forgotten: ask the sender to send it again.');
  }
  const processing = { workflowId, tenantIds: [tenantId], summary: `${id} from ${event.sourceId}` };
  await inTime(processAgain(platform, processing)).catch((error: unknown) =>
    log.warn({ err: error, workflowId }, 'an inbound event is left to the sweep'),
  );
  return requireEvent(platform, tenantId, id);
}

async function requireEvent({ pool }: Platform, tenantId: PublicId, id: PublicId): Promise<InboundEventWithBody> {
  const event = await findEvent(pool, tenantId, id);
  if (event === undefined) throw new InboundRefusal('no-such-event');
  return event;
}
