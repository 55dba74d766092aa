// biome-ignore-all assist/source/organizeImports: grouped by what it is for

// What a process opens.
export { notifications } from './domain';
export { notificationsConfig } from './config';
export { NOTIFICATION_EVENTS } from './event-payloads';

// Notifications.
export { acceptNotification, type NotificationWish } from './accepting/accept-notification';
export { cancelNotification } from './commands/cancel-notification';
export { findNotification, listNotifications, type Notification } from './store/notifications';
export { type Send, sendsOf } from './store/sends';
export { openContent } from './sending/sealing';
export { SEND_STATES, type SendReport } from './rules/states';
export type { CardContent, Content, EmailContent } from './rules/content';

// What the activities of its workflows do.
export { sendDue } from './sending/send-due';
export { cancelPendingSends, type CancelReport, cancelSendsOf } from './sending/cancel-pending';
export { eraseTold, type InFlightReport } from './sending/erase-told';
export { HELD_NOTIFICATIONS } from './held/held-parts';
export { type NotificationSweepReport, sweepNotifications } from './upkeep/sweep';

// Templates.
export {
  changeTemplate,
  createTemplate,
  deleteTemplate,
  previewTemplate,
  showTemplate,
  type WholeTemplate,
} from './templates/templates';
export {
  findTemplate,
  findTemplateVersion,
  listTemplates,
  listTemplateVersions,
  type Template,
  type TemplateVersion,
} from './store/templates';
export { variablesOf } from './rules/render';

// Who mail is from.
export { changeNotificationSettings } from './settings/change-settings';
export { findSettings, type NotificationSettings } from './store/settings';

// The inbox in the app.
export { markItem, openItem, readInbox } from './inbox/inbox';
export type { InboxItem } from './store/inbox';

// Links to unsubscribe.
export { showUnsubscribe, unsubscribe, type UnsubscribeOffer } from './unsubscribe/one-click';
export { makeUnsubscribeToken } from './unsubscribe/token';
