import { NOTIFICATION_EVENTS, notifications } from '../../domains/notifications';
import type { Door } from '../http/door';
import { inboxRoutes } from './inbox-routes';
import { notificationRoutes } from './notification-routes';
import { settingsRoutes } from './settings-routes';
import { templateRoutes } from './template-routes';
import { unsubscribeRoutes } from './unsubscribe-routes';

export const notificationsDoor: Door = {
  domain: notifications,
  events: NOTIFICATION_EVENTS,
  routes: (context) => [
    ...notificationRoutes(context),
    ...templateRoutes(context),
    ...settingsRoutes(context),
    ...inboxRoutes(context),
    ...unsubscribeRoutes(context),
  ],
};
