import { readFileSync } from 'node:fs';
import path from 'node:path';
import pino from 'pino';
import ts from 'typescript';
import { z } from 'zod';
import { Keyring } from '../keyring';
import { type Caches, createCaches } from './caches';
import { Cache, CacheWithStampedeProtection } from './decorators';

const PAGE = path.resolve(__dirname, '../../docs/caching.md');

function newCaches(): Caches {
  const keyring = new Keyring([`k:${Buffer.alloc(32, 1).toString('base64')}`]);
  return createCaches({ redis: undefined, keyring, log: pino({ level: 'silent' }) });
}

class Prices {
  reads: string[] = [];

  constructor(
    readonly caches: Caches,
    private readonly factor: number,
  ) {}

  @Cache({ name: 'price', schema: z.number(), ttlMs: 60_000 })
  async price(product: string, amount: number): Promise<number> {
    this.reads.push(product);
    return this.factor * amount;
  }

  @CacheWithStampedeProtection({
    name: 'rebate',
    schema: z.object({ percent: z.number() }),
    ttlMs: 60_000,
    negativeTtlMs: 60_000,
    key: (customer: { id: string }) => customer.id,
    tags: ({ id }) => [`customer ${id}`],
  })
  async rebate(customer: { id: string }): Promise<{ percent: number } | undefined> {
    this.reads.push(customer.id);
    return customer.id === 'nobody' ? undefined : { percent: this.factor };
  }
}

test('a method is called once for the same arguments, with its own object', async () => {
  const prices = new Prices(newCaches(), 10);
  expect(await Promise.all([prices.price('a', 1), prices.price('a', 1)])).toEqual([10, 10]);
  expect([await prices.price('a', 1), await prices.price('a', 2), await prices.price('b', 1)]).toEqual([10, 20, 10]);
  expect(prices.reads).toEqual(['a', 'a', 'b']);
});

test('a key may be made by a function, and what is not there is remembered', async () => {
  const prices = new Prices(newCaches(), 5);
  const first = await prices.rebate({ id: 'x' });
  expect(await prices.rebate({ id: 'x' })).toBe(first);
  expect([await prices.rebate({ id: 'nobody' }), await prices.rebate({ id: 'nobody' })]).toEqual([
    undefined,
    undefined,
  ]);
  expect(prices.reads).toEqual(['x', 'nobody']);
  await prices.caches.find('rebate')?.invalidate({ tag: 'customer x' });
  await prices.rebate({ id: 'x' });
  expect(prices.reads).toEqual(['x', 'nobody', 'x']);
});

test('objects share what their caches have, and others do not', async () => {
  const caches = newCaches();
  const [one, two, other] = [new Prices(caches, 1), new Prices(caches, 2), new Prices(newCaches(), 3)];
  expect([await one.price('a', 1), await two.price('a', 1), await other.price('a', 1)]).toEqual([1, 1, 3]);
});

test('the example of docs/caching.md does what it says', async () => {
  const [, code = ''] = /```ts\n(import[\s\S]*?)```/.exec(readFileSync(PAGE, 'utf8')) ?? [];
  const { outputText } = ts.transpileModule(code, {
    compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 },
  });
  const module: { example?(caches: Caches): Promise<string[]> } = {};
  const load = (name: string) => require(name.startsWith('.') ? path.resolve(path.dirname(PAGE), name) : name);
  new Function('require', 'exports', outputText)(load, module);
  const said = await module.example?.(newCaches());
  expect(said).toEqual([...code.matchAll(/say\(.*\); \/\/ (.*)/g)].map(([, line]) => line));
  expect(said).toHaveLength(3);
});
