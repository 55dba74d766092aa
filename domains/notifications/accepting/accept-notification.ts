import { asId, newId, type PublicId } from '../../../core/ids';
import type { Platform } from '../../../infra/platform/platform';
import type { Effect } from '../../../infra/postgres/effect';
import { inTransaction } from '../../../infra/postgres/pool';
import {
  type Channel,
  needsAddress,
  type Occasion,
  type Recipient,
  type RecipientKey,
  readRecipient,
} from '../../preferences';
import { notificationsConfig } from '../config';
import { notificationMetrics } from '../metrics';
import { NotificationRefusal } from '../refusals';
import { type Content, channelsOf } from '../rules/content';
import { contentFaults } from '../rules/render';
import type { TemplateData } from '../rules/template';
import { notificationWorkflowId } from '../rules/workflow-names';
import { whyUnavailable } from '../sending/open-carriers';
import { sealContent } from '../sending/sealing';
import { findNotification, insertNotification, type NewNotification, type Notification } from '../store/notifications';
import { findSettings } from '../store/settings';
import { findTemplateVersion } from '../store/templates';
import { openCover } from './cover';
import { filledContent } from './filled-content';

/** What is wanted of a notification. */
export interface NotificationWish {
  to: RecipientKey;
  occasion: Occasion;
  /** Only by these; otherwise by all that there is something to say for, and an address. */
  channels: readonly Channel[] | undefined;
  says: { template: string; version: number | undefined } | { content: Content };
  data: TemplateData;
}

/**
 * Stores a notification, once per effect, and sees to it that it is sent. Who may get it is not decided here, but when it
 * is sent.
 *
 * @param by - whose request it is
 * @throws NotificationRefusal when there is no such subscriber, topic, category or template, data is missing, or it cannot
 *   be sent from here
 */
export async function acceptNotification(
  platform: Platform,
  by: Effect & { keyId: PublicId },
  wish: NotificationWish,
): Promise<Notification> {
  const { pool, keyring } = platform;
  const { tenantId } = by;
  const id = asId('ntf', by.effectId);
  const known = await findNotification(pool, tenantId, id);
  if (known !== undefined) return known;
  const recipient = await readRecipient(pool, tenantId, wish.to, wish.occasion);
  const { subscriberId, category } = requireRecipient(recipient, wish);
  const { template, content } = await sayings(platform, tenantId, wish);
  const channels = chosenChannels(content, recipient, wish.channels);
  await refuseUnsendable(platform, tenantId, channels, category);
  const filled = filledContent(onlyFor(content, channels), wish.data);
  const cover = platform.once(openCover);
  const covered = { tenantId, ownWorkflowId: notificationWorkflowId(id), summary: `${id} to ${subscriberId}` };
  const workflowId = cover.assign(covered);
  let stored = false;
  try {
    const notification: NewNotification = {
      id,
      tenantId,
      subscriberId,
      topic: 'topic' in wish.occasion ? wish.occasion.topic : undefined,
      category: 'category' in wish.occasion ? wish.occasion.category : undefined,
      template,
      contentSealed: sealContent(keyring, id, filled),
      workflowId,
      createdBy: by.keyId,
      sends: channels.flatMap((channel) => sendsBy(channel, recipient)),
    };
    stored = await inTransaction(pool, async (db) => {
      await by.fence(db);
      return insertNotification(db, notification);
    });
  } finally {
    cover.report(covered, workflowId, stored);
  }
  if (stored) platform.metrics.of(notificationMetrics).accepted.inc();
  const notification = await findNotification(pool, tenantId, id);
  // They were erased in the moment before.
  if (notification === undefined) throw unknownSubscriber(wish);
  return notification;
}

function unknownSubscriber({ to }: NotificationWish): NotificationRefusal {
  return new NotificationRefusal('unknown-subscriber', 'there is no such subscriber: register them first', {
    field: ['subscriberId' in to ? 'subscriberId' : 'externalId'],
  });
}

function requireRecipient({ subscriberId, topicExists, category }: Recipient, wish: NotificationWish) {
  const { occasion } = wish;
  if (subscriberId === undefined) throw unknownSubscriber(wish);
  if (!topicExists) throw new NotificationRefusal('unknown-topic', 'there is no such topic', { field: ['topic'] });
  if (category === undefined) {
    const field = 'topic' in occasion ? 'topic' : 'category';
    throw new NotificationRefusal('unknown-category', 'there is no such category', { field: [field] });
  }
  return { subscriberId, category };
}

async function sayings({ pool }: Platform, tenantId: PublicId, { says }: NotificationWish) {
  if ('content' in says) {
    const [fault] = contentFaults(says.content);
    if (fault !== undefined) {
      const field = ['content', fault.channel, fault.field];
      throw new NotificationRefusal('unusable-template', fault.fault, { field });
    }
    return { template: undefined, content: says.content };
  }
  const found = await findTemplateVersion(pool, tenantId, says.template, says.version);
  if (found === undefined) {
    throw new NotificationRefusal('unknown-template', 'there is no such template, or no such version of it', {
      field: ['template'],
    });
  }
  return { template: { key: says.template, version: found.version }, content: found.content };
}

/** The channels to send by, of those that there is something to say for. */
function chosenChannels(content: Content, recipient: Recipient, wished: readonly Channel[] | undefined): Channel[] {
  const sayable = channelsOf(content);
  if (wished !== undefined) {
    const mute = wished.find((channel) => !sayable.includes(channel));
    if (mute === undefined) return [...new Set(wished)];
    throw new NotificationRefusal('nothing-to-send', `there is nothing to say by ${mute}`, { field: ['channels'] });
  }
  const reached = sayable.filter((channel) => !needsAddress(channel) || destinationsBy(channel, recipient).length > 0);
  if (reached.length > 0) return reached;
  const detail = `the subscriber has no address for ${sayable.join(', ')}, which is all that it says something for`;
  throw new NotificationRefusal('nothing-to-send', detail, { field: ['channels'] });
}

async function refuseUnsendable(
  platform: Platform,
  tenantId: PublicId,
  channels: readonly Channel[],
  category: { commercial: boolean },
): Promise<void> {
  const config = platform.settings.of(notificationsConfig);
  for (const channel of channels) {
    const why = whyUnavailable(channel, config);
    if (why !== undefined) {
      throw new NotificationRefusal('channel-unavailable', `it cannot be sent by ${channel}: ${why}`, {
        field: ['channels'],
      });
    }
  }
  if (!category.commercial || !channels.includes('email')) return;
  const { postalAddress } = await findSettings(platform.pool, tenantId);
  if (postalAddress !== undefined) return;
  throw new NotificationRefusal(
    'postal-address-needed',
    'commercial mail must say your postal address: set postalAddress with PATCH /v1/notification-settings',
    { field: ['channels'] },
  );
}

function onlyFor(content: Content, channels: readonly Channel[]): Content {
  return Object.fromEntries(Object.entries(content).filter(([channel]) => channels.includes(channel as Channel)));
}

function destinationsBy(channel: Channel, { destinations }: Recipient) {
  return destinations.filter((destination) => destination.channel === channel);
}

/** One for each address; where there is none, one that says so when it is decided about. */
function sendsBy(channel: Channel, recipient: Recipient): NewNotification['sends'] {
  const ids = needsAddress(channel) ? destinationsBy(channel, recipient).map(({ id }) => id) : [];
  const places: (PublicId | undefined)[] = ids.length === 0 ? [undefined] : ids;
  return places.map((destinationId) => ({ id: newId('snd'), channel, destinationId }));
}
