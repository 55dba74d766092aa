import { Client, Connection, type Metadata } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { NativeConnection } from '@temporalio/worker';
import { withTimeout } from '../../core/timeout';

const CONNECT_TIMEOUT_MS = 5_000;

/** Address, namespace, TLS and API key as the SDK's envconfig reads them: `TEMPORAL_ADDRESS`, `TEMPORAL_NAMESPACE`, … */
function connectConfig() {
  const config = loadClientConnectConfig();
  return { connectionOptions: config.connectionOptions, namespace: config.namespace ?? 'default' };
}

/**
 * A connection for one namespace, which its headers name from the start.
 *
 * The SDK sets it (and a deadline) on each call through an AsyncLocalStorage: on Node 20 the first use of one
 * permanently enables hooks on every promise of the process, which costs the API a twentieth of its time.
 */
class OneNamespaceConnection extends Connection {
  override withMetadata<T>(_metadata: Metadata, work: () => Promise<T>): Promise<T> {
    return work();
  }

  /** @throws TimedOut; the call itself goes on */
  override withDeadline<T>(deadline: number | Date, work: () => Promise<T>): Promise<T> {
    return withTimeout(work(), Number(deadline) - Date.now());
  }
}

/** A client that connects on first use, so that an API can start and accept while Temporal is away. */
export function createTemporalClient(): { client: Client; namespace: string; close: () => Promise<void> } {
  const { connectionOptions, namespace } = connectConfig();
  const connection = OneNamespaceConnection.lazy({
    ...connectionOptions,
    metadata: { ...connectionOptions.metadata, 'temporal-namespace': namespace },
    connectTimeout: CONNECT_TIMEOUT_MS,
  });
  return { client: new Client({ connection, namespace }), namespace, close: () => connection.close() };
}

/** The worker's connection. @throws when Temporal cannot be reached */
export async function connectNative(): Promise<{ connection: NativeConnection; namespace: string }> {
  const { connectionOptions, namespace } = connectConfig();
  return { connection: await NativeConnection.connect(connectionOptions), namespace };
}
