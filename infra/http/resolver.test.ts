import { createSocket, type Socket } from 'node:dgram';
import { quickestMs } from '../../tests/support/quickest';
import { eventually } from '../../tests/support/receiver';
import { createSystemResolver, shareAnswers } from './resolver';

const A = 1;
const AAAA = 28;
const SIX = [0x20, 1, 0xd, 0xb8, ...Array<number>(11).fill(0), 7];

/**
 * A DNS server on loopback that answers with these records, after `delayMs` for each type that has one, NXDOMAIN for other
 * names, and never for `silent` names or types.
 */
async function startDns(
  records: Record<string, { a?: number[][]; aaaa?: number[][]; silent?: number; delayMs?: Record<number, number> }>,
): Promise<{ address: string; socket: Socket }> {
  const socket = createSocket('udp4');
  socket.on('message', (query, from) => {
    const labels: string[] = [];
    let at = 12;
    for (let size = query[at] ?? 0; size > 0; size = query[at] ?? 0) {
      labels.push(query.toString('latin1', at + 1, at + 1 + size));
      at += size + 1;
    }
    const name = labels.join('.').toLowerCase();
    if (name.startsWith('silent')) return;
    const type = query.readUInt16BE(at + 1);
    const found = records[name];
    if (found?.silent === type) return;
    const answers = type === A ? (found?.a ?? []) : type === AAAA ? (found?.aaaa ?? []) : [];
    const header = Buffer.from(query.subarray(0, 12));
    header.writeUInt16BE(found === undefined ? 0x8183 : 0x8180, 2);
    header.writeUInt16BE(answers.length, 6);
    header.fill(0, 8);
    const body = answers.map((bytes) => Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 60, 0, bytes.length, ...bytes]));
    const answer = Buffer.concat([header, query.subarray(12, at + 5), ...body]);
    setTimeout(() => socket.send(answer, from.port, from.address), found?.delayMs?.[type] ?? 0);
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  return { address: `127.0.0.1:${socket.address().port}`, socket };
}

describe('createSystemResolver', () => {
  let dns: Awaited<ReturnType<typeof startDns>>;

  beforeAll(async () => {
    dns = await startDns({
      'both.example.com': {
        a: [
          [192, 0, 2, 1],
          [192, 0, 2, 2],
        ],
        aaaa: [SIX],
      },
      'four.example.com': { a: [[192, 0, 2, 4]] },
      'four-only.example.com': { a: [[192, 0, 2, 5]], silent: AAAA },
      'six-only.example.com': { aaaa: [SIX], silent: A },
      'six-later.example.com': { a: [[192, 0, 2, 6]], aaaa: [SIX], delayMs: { [AAAA]: 15 } },
      'none-four.example.com': { aaaa: [SIX], delayMs: { [AAAA]: 150 } },
    });
  });

  afterAll(() => {
    dns.socket.close();
  });

  const resolver = () => createSystemResolver({ servers: [dns.address], timeoutMs: 500 });

  it('answers with every address of both families', async () => {
    const addresses = await resolver()('both.example.com');
    expect(addresses.sort()).toEqual(['192.0.2.1', '192.0.2.2', '2001:db8::7']);
  });

  it('answers with one family where there is only one', async () => {
    expect(await resolver()('four.example.com')).toEqual(['192.0.2.4']);
  });

  it.each([
    ['four-only.example.com', '192.0.2.5'],
    ['six-only.example.com', '2001:db8::7'],
  ])('does not wait for an answer that never comes: %s', async (name, address) => {
    const ask = async () => expect(await resolver()(name)).toEqual([address]);
    expect(await quickestMs(450, ask)).toBeLessThan(450);
  });

  it('waits a moment for the other family, and as long as it takes while there is no address', async () => {
    // Both answers count as late when the machine stalls between them.
    await eventually(async () => ((await resolver()('six-later.example.com')).length === 2 ? true : undefined));
    expect(await resolver()('none-four.example.com')).toEqual(['2001:db8::7']);
  });

  it('knows the names of this machine', async () => {
    const addresses = await resolver()('localhost');
    expect(addresses.every((address) => address === '127.0.0.1' || address === '::1')).toBe(true);
  });

  it('rejects for a name that nobody knows', async () => {
    await expect(resolver()('nowhere.invalid')).rejects.toMatchObject({ code: expect.any(String) });
  });

  it('answers others at once while many names wait for servers that do not answer', async () => {
    const waiting: Promise<PromiseSettledResult<string[]>[]>[] = [];
    const askAmongSilent = async () => {
      const resolve = resolver();
      const silent = Array.from({ length: 50 }, (_, index) => resolve(`silent-${index}.example.com`));
      waiting.push(Promise.allSettled(silent));
      expect(await resolve('four.example.com')).toEqual(['192.0.2.4']);
      expect(await resolve('localhost')).not.toHaveLength(0);
    };
    expect(await quickestMs(450, askAmongSilent)).toBeLessThan(450);
    for (const outcome of (await Promise.all(waiting)).flat()) expect(outcome.status).toBe('rejected');
  });
});

describe('shareAnswers', () => {
  it('asks once for all who ask at the same time, and again when the answer is old', async () => {
    let questions = 0;
    const resolve = shareAnswers(async () => [`192.0.2.${++questions}`], 20);
    expect(await Promise.all([resolve('a'), resolve('a'), resolve('a')])).toEqual([
      ['192.0.2.1'],
      ['192.0.2.1'],
      ['192.0.2.1'],
    ]);
    expect(await resolve('b')).toEqual(['192.0.2.2']);
    await new Promise((done) => setTimeout(done, 40));
    expect(await resolve('a')).toEqual(['192.0.2.3']);
  });

  it('asks again after a failure', async () => {
    let questions = 0;
    const resolve = shareAnswers(async () => {
      if (++questions === 1) throw new Error('busy');
      return ['192.0.2.1'];
    }, 60_000);
    await expect(resolve('a')).rejects.toThrow('busy');
    expect(await resolve('a')).toEqual(['192.0.2.1']);
  });
});
