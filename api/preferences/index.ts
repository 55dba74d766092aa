import { openFeedback, PREFERENCE_EVENTS, preferences } from '../../domains/preferences';
import type { Door } from '../http/door';
import { bulkSuppressionRoutes } from './bulk-suppression-routes';
import { categoryRoutes } from './category-routes';
import { checkRoute } from './check-route';
import { consentRoutes } from './consent-routes';
import { destinationRoutes } from './destination-routes';
import { erasureRoutes } from './erasure-routes';
import { exportRoutes } from './export-routes';
import { preferenceRoutes } from './preference-routes';
import { subscriberRoutes } from './subscriber-routes';
import { suppressionExportRoute } from './suppression-export-route';
import { suppressionRoutes } from './suppression-routes';
import { topicRoutes } from './topic-routes';

export const preferencesDoor: Door = {
  domain: preferences,
  events: PREFERENCE_EVENTS,
  routes: (context) => {
    // Sources may name its handlers.
    context.once(openFeedback);
    return [
      checkRoute(context),
      ...preferenceRoutes(context),
      ...subscriberRoutes(context),
      ...destinationRoutes(context),
      ...exportRoutes(context),
      ...erasureRoutes(context),
      ...consentRoutes(context),
      // Before suppressions, whose ids it is none of.
      suppressionExportRoute(context),
      ...suppressionRoutes(context),
      ...bulkSuppressionRoutes(context),
      ...categoryRoutes(context),
      ...topicRoutes(context),
    ];
  },
};
