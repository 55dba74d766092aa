import { Client, Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { NativeConnection } from '@temporalio/worker';

const CONNECT_TIMEOUT_MS = 5_000;

/** Address, namespace, TLS and API key as the SDK's envconfig reads them: `TEMPORAL_ADDRESS`, `TEMPORAL_NAMESPACE`, … */
function connectConfig() {
  const config = loadClientConnectConfig();
  return { connectionOptions: config.connectionOptions, namespace: config.namespace ?? 'default' };
}

/**
 * A client that connects when it is first used, so that an API can start and accept while Temporal is away.
 */
export function createTemporalClient(): { client: Client; namespace: string; close: () => Promise<void> } {
  const { connectionOptions, namespace } = connectConfig();
  const connection = Connection.lazy({ ...connectionOptions, connectTimeout: CONNECT_TIMEOUT_MS });
  return { client: new Client({ connection, namespace }), namespace, close: () => connection.close() };
}

/** The worker's connection. @throws when Temporal cannot be reached */
export async function connectNative(): Promise<{ connection: NativeConnection; namespace: string }> {
  const { connectionOptions, namespace } = connectConfig();
  return { connection: await NativeConnection.connect(connectionOptions), namespace };
}
