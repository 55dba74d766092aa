import type { Client } from '@temporalio/client';
import type { Pool } from 'pg';
import type { DeliveryEngine } from '../domains/webhooks/delivery/delivery-engine';
import type { Config } from '../infra/config';
import type { Logger } from '../infra/log';
import type { Metrics } from '../infra/observability/metrics';

/** What activities are made of. */
export interface ActivityDeps {
  pool: Pool;
  engine: DeliveryEngine;
  client: Client;
  config: Config;
  metrics: Metrics;
  log: Logger;
}
