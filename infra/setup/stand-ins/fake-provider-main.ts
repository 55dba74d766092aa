import { startFakeProvider } from './fake-provider';

/**
 * The fake payment provider as a process of its own: `FAKE_PROVIDER_PORT`, `FAKE_PROVIDER_KEY`, `FAKE_PROVIDER_LATENCY_MS`,
 * `FAKE_PROVIDER_FAULTS_PER_THOUSAND`, `FAKE_PROVIDER_CALLBACK_SECRET`.
 */
async function main(): Promise<void> {
  const { env } = process;
  const callbackSecret = env.FAKE_PROVIDER_CALLBACK_SECRET;
  const provider = await startFakeProvider({
    port: Number(env.FAKE_PROVIDER_PORT ?? 0),
    latencyMs: Number(env.FAKE_PROVIDER_LATENCY_MS ?? 0),
    faultsPerThousand: Number(env.FAKE_PROVIDER_FAULTS_PER_THOUSAND ?? 0),
    ...(env.FAKE_PROVIDER_KEY === undefined ? {} : { key: env.FAKE_PROVIDER_KEY }),
    ...(callbackSecret === undefined ? {} : { callbackSecret }),
  });
  process.stdout.write(`payment provider (fake) at ${provider.url}, charges at ${provider.url}/charges\n`);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void provider.close());
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
