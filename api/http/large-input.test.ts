import type { z } from 'zod';
import { RawJson } from '../../core/json/raw-json';
import { quickestMs } from '../../tests/support/quickest';
import { newApiKeySchemaFor } from '../accounts/api-keys/schemas';
import { newOrderSchema } from '../payments/order-schemas';
import { endpointChangeSchema, newEndpointSchema } from '../webhooks/endpoints/schemas';
import { newMessageSchema } from '../webhooks/messages/schemas';
import { fieldErrors } from './validation';

/** As many as fit into the largest body. */
const MANY = 100_000;
/** It takes a twentieth of that; it took 700 to 1,400 while each one was looked at. */
const AT_MOST_MS = 500;

const map = (value: unknown) => Object.fromEntries(Array.from({ length: MANY }, (_, n) => [`k${n}`, value]));
const list = (value: unknown) => new Array<unknown>(MANY).fill(value);

const cases: [string, z.ZodType, unknown, string][] = [
  ['metadata of an endpoint', newEndpointSchema, { url: 'x', metadata: map(1) }, '#/metadata'],
  ['a change of its metadata', endpointChangeSchema, { metadata: map(1) }, '#/metadata'],
  ['its headers', newEndpointSchema, { url: 'x', headers: map('\n') }, '#/headers'],
  ['a change of its headers', endpointChangeSchema, { headers: map('\n') }, '#/headers'],
  ['its event types', newEndpointSchema, { url: 'x', eventTypes: list('!') }, '#/eventTypes'],
  ['its channels', newEndpointSchema, { url: 'x', channels: list('!') }, '#/channels'],
  ['its retries', newEndpointSchema, { url: 'x', retry: { schedule: list('!') } }, '#/retry/schedule'],
  [
    'channels of a message',
    newMessageSchema,
    { eventType: 'a', payload: new RawJson('1'), channels: list('!') },
    '#/channels',
  ],
  ['metadata of an order', newOrderSchema, { metadata: map(1) }, '#/metadata'],
  ['scopes of a key', newApiKeySchemaFor(['a', 'b']), { name: 'x', scopes: list('c') }, '#/scopes'],
  ['unknown fields', newMessageSchema, { eventType: 'a', payload: new RawJson('1'), ...map(1) }, '#/k0'],
];

test.each(cases)(
  '100,000 wrong entries block the process only for a moment: %s',
  async (_name, schema, input, pointer) => {
    let errors: ReturnType<typeof fieldErrors> = [];
    const tookMs = await quickestMs(AT_MOST_MS, () => {
      const { error } = schema.safeParse(input);
      errors = error === undefined ? [] : fieldErrors('body', error, input);
    });
    expect(errors.map((each) => each.pointer)).toContain(pointer);
    expect(errors.length).toBeLessThanOrEqual(50);
    expect(tookMs).toBeLessThan(AT_MOST_MS);
  },
);
