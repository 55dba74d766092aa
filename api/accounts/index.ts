import { accounts } from '../../domains/accounts';
import type { Door } from '../http/door';
import { apiKeyRoutes } from './api-keys/routes';
import { tenantRoutes } from './tenants/routes';

export const accountsDoor: Door = {
  domain: accounts,
  routes: (context) => [...apiKeyRoutes(context), ...tenantRoutes(context)],
};
