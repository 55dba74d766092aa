import { newSecret, parseSecret, sign } from '../../../domains/webhooks/rules/signature';
import { type Receiver, startReceiver } from './receiver';

const secret = newSecret();
let receiver: Receiver;
beforeEach(async () => {
  receiver = await startReceiver({ port: 0, secrets: [newSecret(), secret] });
});
afterEach(() => receiver.close());

async function send(id: string, signedWith = secret): Promise<number> {
  const body = JSON.stringify({ type: 'order.created', data: { id } });
  const timestamp = Math.floor(Date.now() / 1000);
  const key = parseSecret(signedWith) ?? Buffer.alloc(0);
  const response = await fetch(`${receiver.url}/webhooks`, {
    method: 'POST',
    body,
    headers: {
      'webhook-id': id,
      'webhook-timestamp': String(timestamp),
      'webhook-signature': sign([key], id, timestamp, body),
    },
  });
  return response.status;
}

test('a webhook signed with a known secret is received', async () => {
  expect(await send('msg_1')).toBe(204);
  expect(receiver.received).toMatchObject([
    { id: 'msg_1', verified: true, status: 204, path: '/webhooks', body: { type: 'order.created' } },
  ]);
});

test('a webhook with another signature is refused, and kept with the reason', async () => {
  expect(await send('msg_1', newSecret())).toBe(401);
  const response = await fetch(`${receiver.url}/received`);
  expect(await response.json()).toMatchObject({ data: [{ verified: false, reason: 'wrong-signature' }] });
});

test('it fails as often as it is told to', async () => {
  await fetch(`${receiver.url}/fail?next=2&status=503`, { method: 'POST' });
  expect([await send('msg_1'), await send('msg_1'), await send('msg_1')]).toEqual([503, 503, 204]);
});

test('it fails until it is told not to', async () => {
  await fetch(`${receiver.url}/fail?status=410`, { method: 'POST' });
  expect([await send('msg_1'), await send('msg_2')]).toEqual([410, 410]);
  await fetch(`${receiver.url}/fail?next=0`, { method: 'POST' });
  expect(await send('msg_3')).toBe(204);
});

test('it keeps the last 100', async () => {
  for (let i = 1; i <= 103; i++) await send(`msg_${i}`);
  expect(receiver.received).toHaveLength(100);
  expect(receiver.received[0]?.id).toBe('msg_4');
});
