import type { Authenticator } from '../../domains/accounts';
import type { Domain } from '../../infra/platform/domain';
import type { Platform } from '../../infra/platform/platform';
import type { Route } from './route';

/** What a domain's routes are built from. */
export interface DoorContext extends Platform {
  authenticator: Authenticator;
  /** Every scope of every domain behind a door. */
  scopes: readonly string[];
  /** The page of a workflow in Temporal Web UI. */
  workflowUrl(workflowId: string): string;
}

/** A domain's way in over HTTP. */
export interface Door {
  domain: Domain;
  routes(context: DoorContext): Route[];
}
