import type { PublicId } from '../../../core/ids';
import { NOTIFICATION_EVENT_TYPE } from '../../webhooks/rules/system-events';

/** The id of the event that tells an endpoint what a send says. */
export function publishedEventId(sendId: PublicId): string {
  return `${sendId}:${NOTIFICATION_EVENT_TYPE}`;
}
