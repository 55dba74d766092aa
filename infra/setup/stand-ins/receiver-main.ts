import { type ReceivedWebhook, startReceiver } from './receiver';

/**
 * The receiver as a process of its own: `RECEIVER_PORT`, `RECEIVER_SECRETS` (comma separated). One line per webhook.
 */
async function main(): Promise<void> {
  const receiver = await startReceiver({
    port: Number(process.env.RECEIVER_PORT ?? 0),
    secrets: (process.env.RECEIVER_SECRETS ?? '').split(',').filter((secret) => secret !== ''),
    onWebhook: (webhook) => process.stdout.write(`${describe(webhook)}\n`),
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void receiver.close());
}

function describe({ id, verified, reason, status, body }: ReceivedWebhook): string {
  const type = typeof body === 'object' && body !== null && 'type' in body ? String(body.type) : 'no type';
  const signature = verified ? 'signature verified' : `signature refused: ${reason}`;
  return `${type} ${id}, ${signature}, answered ${status}`;
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
