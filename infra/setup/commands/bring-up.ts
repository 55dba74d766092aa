import { chmodSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import pino from 'pino';
import { migrate } from '../../postgres/migrate';
import type { Keeper, Kept } from '../processes/keeper';
import type { ManagedProcess } from '../processes/managed-process';
import { type Servers, startServers } from '../servers/servers';
import { type ApiClient, createApiClient } from './api-client';
import { ensureEndpoint, type FirstWebhook, sendFirstWebhook } from './first-webhook';
import { loadKeys } from './keys';
import {
  type ApiProgram,
  localEnvironment,
  type Program,
  type ProgramOptions,
  sendCallbacksTo,
  startApi,
  startProvider,
  startReceiverProgram,
  startWorker,
} from './programs';
import type { RunningPlaces } from './welcome';

const SERVER_PORTS = { postgres: 15_432, redis: 16_379, temporal: 7233, temporalUi: 8233 };
/** API and worker finish their work when asked to stop; their own deadlines are shorter. */
const STOP_WITHIN_MS = 65_000;

/** What runs and has to be stopped, in the order it was started; and the keeper that restarts it when it dies. */
export interface Running {
  keeper: Keeper;
  servers: Servers | undefined;
  programs: ManagedProcess[];
}

export interface BringUpOptions {
  dataDir: string;
  /** Filled while things start, so that what was started so far can be stopped at any time. */
  running: Running;
  log(line: string): void;
  signal: AbortSignal;
}

/** Starts everything in turn and delivers a first webhook. What dies after that is restarted. */
export async function bringUp(options: BringUpOptions): Promise<RunningPlaces> {
  const { dataDir, running, log, signal } = options;
  const logFolder = path.join(dataDir, 'log');
  const keys = prepareDataDirectory(dataDir, log);
  log('Starting Postgres, Redis and Temporal');
  const servers = await startServers({ dataDir, temporalUi: true, ports: SERVER_PORTS, log, signal });
  running.servers = servers;
  for (const server of [servers.postgres, servers.redis, servers.temporal]) {
    if (server !== undefined) running.keeper.keep(server);
  }
  // For the programs, which inherit it, and for our own Temporal client.
  Object.assign(process.env, servers.env, keys.keys, localEnvironment(process.env));
  await migrate(servers.postgres.address, pino({ level: 'silent' }));
  signal.throwIfAborted();

  const keep = ({ managed, url }: Program, afterwards?: () => Promise<void>) => {
    running.keeper.keep(asKept(managed), afterwards);
    running.programs.push(managed);
    log(`${managed.name} on ${url} is ready`);
    return url;
  };
  const programs = { env: process.env, logFolder, log, signal, stopWithinMs: STOP_WITHIN_MS };
  const provider = await startProvider(programs);
  let apiUrl = '';
  const tellProvider = async () => {
    if (provider !== undefined && apiUrl !== '') await sendCallbacksTo(apiUrl, provider);
  };
  if (provider !== undefined) keep(provider, tellProvider);
  Object.assign(process.env, provider?.env);

  log('Starting API and worker');
  const started = await startApiAndWorker(programs, signal, keep);
  apiUrl = started.url;
  await tellProvider();
  const api = createApiClient(apiUrl, keys.keys.WAYBILL_ADMIN_KEY, signal);
  const { receiverUrl, first } = await deliverFirst(api, dataDir, programs, keep);
  log(`It was delivered, ${first.acceptToReceivedMs} ms after it was accepted`);
  const temporalUiUrl = servers.temporal.uiUrl ?? (process.env.WAYBILL_TEMPORAL_UI_URL || undefined);
  const adminKey = keys.keys.WAYBILL_ADMIN_KEY;
  return {
    apiUrl,
    metricsUrl: started.metricsUrl,
    receiverUrl,
    providerUrl: provider?.url,
    temporalUiUrl,
    adminKey,
    keysFile: keys.file,
    logFolder,
    // The API links to where Web UI usually is; with somebody else's Temporal that leads nowhere.
    first: temporalUiUrl === undefined ? { ...first, workflowUrl: undefined } : first,
  };
}

/** API and worker first, while the servers that they need to finish are still up. */
export async function stopAll({ keeper, servers, programs }: Running): Promise<void> {
  await keeper.end();
  const ours = (program: ManagedProcess) => program.name === 'API' || program.name === 'Worker';
  await Promise.all(programs.filter(ours).map((program) => program.stop()));
  await Promise.all(programs.filter((program) => !ours(program)).map((program) => program.stop()));
  await servers?.stop();
}

function asKept(managed: ManagedProcess): Kept {
  return {
    restart: (signal) => managed.restart(signal),
    onUnexpectedExit: (report) => {
      managed.onUnexpectedExit = report;
    },
  };
}

function prepareDataDirectory(dataDir: string, log: (line: string) => void) {
  mkdirSync(dataDir, { recursive: true });
  // Other users may pass through (Postgres' user, under root), not list its files.
  chmodSync(dataDir, 0o711);
  const loaded = loadKeys(dataDir, process.env);
  if (loaded.created) {
    log(`Made an encryption key and the administrator's API key, kept in ${loaded.file}`);
    log(`The administrator's API key is ${loaded.keys.WAYBILL_ADMIN_KEY}`);
  }
  return loaded;
}

/** Both at once; when one fails, the other is not waited for. Resolves to the API. */
async function startApiAndWorker(
  options: ProgramOptions,
  signal: AbortSignal,
  keep: (program: Program) => string,
): Promise<ApiProgram> {
  const failed = new AbortController();
  const both = { ...options, signal: AbortSignal.any([signal, failed.signal]) };
  const fail = (error: unknown) => {
    failed.abort(error);
    throw failed.signal.reason;
  };
  const start = <P extends Program>(starting: Promise<P>) =>
    starting
      .then((program) => {
        keep(program);
        return program;
      })
      .catch(fail);
  const started = [start(startApi(both)), start(startWorker(both))] as const;
  await Promise.allSettled(started);
  const [api] = await Promise.all(started);
  return api;
}

async function deliverFirst(
  api: ApiClient,
  dataDir: string,
  options: ProgramOptions & { signal: AbortSignal },
  keep: (program: Program) => string,
): Promise<{ receiverUrl: string; first: FirstWebhook }> {
  const { log, signal } = options;
  let endpointId = '';
  const secretFor = async (url: string) => {
    const { id, secret } = await ensureEndpoint(api, dataDir, `${url}/webhooks`);
    endpointId = id;
    return secret;
  };
  const onLine = (line: string) => log(`Receiver: ${line}`);
  const receiverUrl = keep(await startReceiverProgram(secretFor, { ...options, onLine }));
  log('Sending the first webhook');
  return { receiverUrl, first: await sendFirstWebhook({ api, endpointId, receiverUrl, signal }) };
}
