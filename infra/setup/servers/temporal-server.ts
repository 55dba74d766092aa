import path from 'node:path';
import { Connection } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time';
import { ManagedProcess } from '../processes/managed-process';
import { onFreePorts } from '../processes/ports';
import { choosePort, externalServer, ownedServer, type Server, type ServerOptions, serverEnvironment } from './server';
import { temporalSource } from './temporal-download';
import { findTemporal } from './temporal-program';

const HOST = '127.0.0.1';
const NAMESPACE = 'default';
/** How long finished workflows stay in Web UI; the development server's own default is one day. */
const RETENTION = msToTs('30 days');
const DYNAMIC_CONFIG = {
  'frontend.namespaceRPS': 50_000,
  'frontend.rps': 50_000,
  // Task priorities and fairness, off by default before server 1.31.
  'matching.useNewMatcher': true,
  // Would ask an outside service for new versions.
  'frontend.enableServerVersionCheck': false,
};
/**
 * With these the server starts about three times as many workflows a second (242 instead of 84, two cores). It survives
 * being killed as before; a power cut may lose the last moments, which the sweep makes up for.
 */
const SQLITE = ['journal_mode=WAL', 'synchronous=NORMAL'];

export interface TemporalOptions extends ServerOptions {
  /** Whether to serve Web UI, and on which port if it is free. */
  ui: { port: number | undefined } | undefined;
  /** Whether workflows outlive a restart, in `temporal.db`; otherwise they are kept in memory. */
  persistent: boolean;
}

export interface TemporalServer extends Server {
  /** Web UI's base address; `undefined` if there is none, or if the server is not ours. */
  readonly uiUrl: string | undefined;
}

/** The Temporal that `TEMPORAL_ADDRESS` names, or our own development server. */
export async function startTemporal(options: TemporalOptions): Promise<TemporalServer> {
  const found = await findTemporal(options, temporalSource(options.env));
  if ('address' in found) return { ...externalServer('Temporal', found.address), uiUrl: undefined };
  const { port: preferred, ui, log } = options;
  const choose = async () => ({
    port: await choosePort('Temporal', preferred, log),
    uiPort: ui && (await choosePort('Temporal Web UI', ui.port, log)),
  });
  return await onFreePorts(choose, async ({ port, uiPort }) => {
    const uiUrl = uiPort === undefined ? undefined : `http://${HOST}:${uiPort}`;
    const managed = temporalProcess(found.file, port, uiPort, options);
    await managed.start(options.signal);
    return Object.assign(ownedServer(`Temporal on ${HOST}:${port}`, `${HOST}:${port}`, managed), { uiUrl });
  });
}

function temporalProcess(
  file: string,
  port: number,
  uiPort: number | undefined,
  options: TemporalOptions,
): ManagedProcess {
  const ui = uiPort === undefined ? ['--headless'] : ['--ui-port', String(uiPort)];
  const storage = options.persistent
    ? [
        '--db-filename',
        path.join(options.dataDir, 'temporal.db'),
        ...SQLITE.flatMap((pragma) => ['--sqlite-pragma', pragma]),
      ]
    : [];
  const config = Object.entries(DYNAMIC_CONFIG).flatMap(([key, value]) => [
    '--dynamic-config-value',
    `${key}=${value}`,
  ]);
  return new ManagedProcess({
    name: 'Temporal',
    command: file,
    args: [
      'server',
      'start-dev',
      '--ip',
      HOST,
      '--port',
      String(port),
      ...ui,
      ...storage,
      ...config,
      '--log-level',
      'warn',
    ],
    // It looks for configuration files in HOME; our development server has none.
    env: { ...serverEnvironment(options.env), HOME: options.dataDir },
    cwd: options.dataDir,
    logFile: path.join(options.logFolder, 'temporal.log'),
    ready: async () => (await answers(`${HOST}:${port}`)) && (uiPort === undefined || (await servesUi(uiPort))),
    port,
    readyWithinMs: 60_000,
    stopSignals: ['SIGTERM'],
    stopWithinMs: 10_000,
  });
}

/** Whether the namespace is there; the first time, its retention is set as well. */
async function answers(address: string): Promise<boolean> {
  let connection: Connection | undefined;
  try {
    connection = await Connection.connect({ address, connectTimeout: 2_000 });
    const { workflowService } = connection;
    const { config } = await workflowService.describeNamespace({ namespace: NAMESPACE });
    if (!config?.workflowExecutionRetentionTtl?.seconds?.equals(RETENTION.seconds ?? 0)) {
      const changed = { ...config, workflowExecutionRetentionTtl: RETENTION };
      await workflowService.updateNamespace({ namespace: NAMESPACE, config: changed });
    }
    return true;
  } catch {
    return false;
  } finally {
    await connection?.close();
  }
}

async function servesUi(port: number): Promise<boolean> {
  try {
    const response = await fetch(`http://${HOST}:${port}/`, { signal: AbortSignal.timeout(2_000) });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}
