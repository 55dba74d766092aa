import { newSecret } from '../../../domains/webhooks/rules/signature';
import type { ManagedProcess } from '../processes/managed-process';
import { type NodeProcessOptions, spawnNodeProcess } from '../processes/node-process';
import { isFree, onFreePorts, preferPort } from '../processes/ports';

const HOST = '127.0.0.1';
const API = { variable: 'WAYBILL_PORT', usual: 8080, name: 'the API' };
const API_METRICS = { variable: 'WAYBILL_METRICS_PORT', usual: 9464, name: "the API's metrics" };
const WORKER = { variable: 'WAYBILL_WORKER_PORT', usual: 8081, name: 'the worker' };
const METRICS = { variable: 'WAYBILL_TEMPORAL_METRICS_PORT', usual: 8082, name: "the Temporal SDK's metrics" };
/**
 * The API makes many objects that live as long as a request: with Node's default of 16 MiB for new ones, a quarter of
 * its time goes into copying those still in use; with 64 MiB, a tenth.
 */
export const API_NODE_ARGS = ['--max-semi-space-size=64'];
const RECEIVER_PORT = 8090;
const PROVIDER_PORT = 8091;

/** A running program and where it listens. */
export interface Program {
  managed: ManagedProcess;
  url: string;
}

/** The API, which serves its metrics on a port of their own. */
export interface ApiProgram extends Program {
  metricsUrl: string;
}

/** What a program is started with. */
export interface ProgramOptions extends Omit<NodeProcessOptions, 'readyUrl'> {
  env: NodeJS.ProcessEnv;
  log(line: string): void;
}

/** The settings of API and worker here besides servers and keys: receivers on this machine, over http, are allowed. */
export function localEnvironment(env: NodeJS.ProcessEnv): Record<string, string> {
  const networks = [env.WAYBILL_ALLOW_PRIVATE_NETWORKS, '127.0.0.0/8', '::1/128'];
  return {
    WAYBILL_HOST: env.WAYBILL_HOST || HOST,
    WAYBILL_ALLOW_HTTP: 'true',
    WAYBILL_ALLOW_PRIVATE_NETWORKS: networks.filter(Boolean).join(','),
  };
}

/** @throws Error when the environment names a port and it is in use, ProcessError when it does not start */
export function startApi(options: ProgramOptions): Promise<ApiProgram> {
  const choose = async () => ({
    port: await choosePort(API, options),
    metrics: await choosePort(API_METRICS, options),
  });
  return onFreePorts(choose, async ({ port, metrics }) => {
    const url = `http://${HOST}:${port}`;
    const env = { ...options.env, WAYBILL_PORT: String(port), WAYBILL_METRICS_PORT: String(metrics) };
    const how = { ...ready(options, `${url}/readyz`), nodeArgs: API_NODE_ARGS };
    const managed = await spawnNodeProcess('API', 'dist/api/main.js', env, how);
    return { managed, url, metricsUrl: `http://${HOST}:${metrics}/metrics` };
  });
}

/** @throws as {@link startApi} */
export function startWorker(options: ProgramOptions): Promise<Program> {
  const choose = async () => ({
    port: await choosePort(WORKER, options),
    metrics: await choosePort(METRICS, options),
  });
  return onFreePorts(choose, async ({ port, metrics }) => {
    const url = `http://${HOST}:${port}`;
    const ports = { WAYBILL_WORKER_PORT: String(port), WAYBILL_TEMPORAL_METRICS_PORT: String(metrics) };
    const env = { ...options.env, ...ports };
    return {
      managed: await spawnNodeProcess('Worker', 'dist/worker/main.js', env, ready(options, `${url}/readyz`)),
      url,
    };
  });
}

/**
 * Starts the bundled receiver.
 *
 * @param secretFor - given its address, the secret that signs what comes there
 */
export function startReceiverProgram(
  secretFor: (url: string) => Promise<string>,
  options: ProgramOptions,
): Promise<Program> {
  const choose = async () => ({ port: await preferPort(RECEIVER_PORT, 'the receiver', options.log) });
  return onFreePorts(choose, async ({ port }) => {
    const url = `http://${HOST}:${port}`;
    const env = { ...options.env, RECEIVER_PORT: String(port), RECEIVER_SECRETS: await secretFor(url) };
    const file = 'dist/infra/setup/stand-ins/receiver-main.js';
    return { managed: await spawnNodeProcess('Receiver', file, env, ready(options, `${url}/`)), url };
  });
}

/** The payment provider of this start, and the settings that API and worker get for it. */
export interface Provider extends Program {
  env: { WAYBILL_PAYMENT_PROVIDER_URL: string; WAYBILL_PAYMENT_PROVIDER_SECRET: string };
}

/** Starts the fake payment provider; `undefined` when the environment names a provider. */
export async function startProvider(options: ProgramOptions): Promise<Provider | undefined> {
  if (options.env.WAYBILL_PAYMENT_PROVIDER_URL) return undefined;
  const choose = async () => ({ port: await preferPort(PROVIDER_PORT, 'the payment provider', options.log) });
  return onFreePorts(choose, async ({ port }) => {
    const url = `http://${HOST}:${port}`;
    const secret = newSecret();
    const env = { ...options.env, FAKE_PROVIDER_PORT: String(port), FAKE_PROVIDER_CALLBACK_SECRET: secret };
    const file = 'dist/infra/setup/stand-ins/fake-provider-main.js';
    return {
      managed: await spawnNodeProcess('Payment provider', file, env, ready(options, `${url}/charges`)),
      url,
      env: { WAYBILL_PAYMENT_PROVIDER_URL: url, WAYBILL_PAYMENT_PROVIDER_SECRET: secret },
    };
  });
}

/** Tells the fake provider the API's address, to which it sends callbacks. */
export async function sendCallbacksTo(apiUrl: string, provider: Program): Promise<void> {
  const response = await fetch(`${provider.url}/callback-url`, {
    method: 'PUT',
    body: JSON.stringify({ url: `${apiUrl}/callbacks/payments` }),
    signal: AbortSignal.timeout(10_000),
  });
  if (!response.ok) throw new Error(`the payment provider refused the API's address: ${await response.text()}`);
}

/** The usual port, or another if that is in use; a port that the environment names is used as given. */
async function choosePort(what: typeof API, { env, log }: ProgramOptions): Promise<number> {
  const given = Number(env[what.variable] || 0);
  if (given === 0) return await preferPort(what.usual, what.name, log);
  if (await isFree(given)) return given;
  throw new Error(`Port ${given} is in use, and ${what.variable} asks for it for ${what.name}`);
}

function ready(options: ProgramOptions, readyUrl: string): NodeProcessOptions {
  return { ...options, readyUrl };
}
