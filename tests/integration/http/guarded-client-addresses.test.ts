import { createServer } from 'node:net';
import { checkUrl, checkUrlAndResolve } from '../../../infra/http/address-policy';
import { type AddressPolicy, createGuardedClient } from '../../../infra/http/guarded-client';
import { LOOPBACK, listen, type Receiver } from '../../support/guarded-client-support';

/** As open as production may be: plain HTTP as well, so that nothing below is refused for its scheme alone. */
const PUBLIC: AddressPolicy = { allowPrivateNetworks: [], allowHttp: true };

/** A public address that no test may connect to. */
const ELSEWHERE = '198.35.26.96';

/** What the names of this test resolve to. */
const NAMES: Record<string, string[]> = {
  'loopback.example.com': ['127.0.0.1'],
  'loopback6.example.com': ['::1'],
  'mapped.example.com': ['::ffff:127.0.0.1'],
  'any.example.com': ['0.0.0.0'],
  'any6.example.com': ['::'],
  'metadata.example.com': ['169.254.169.254'],
  'azure.example.com': ['168.63.129.16'],
  'private.example.com': ['10.1.2.3'],
  'nat64.example.com': ['64:ff9b::7f00:1'],
  'mixed.example.com': [ELSEWHERE, '127.0.0.1'],
  'mixed6.example.com': ['2606:4700::1', '::1'],
  'zone.example.com': ['fe80::1%lo'],
  'garbage.example.com': ['127.1'],
  'empty.example.com': [],
  localhost: ['127.0.0.1'],
  'localhost.': ['127.0.0.1'],
  'printer.local': ['127.0.0.1'],
  'api.internal': ['127.0.0.1'],
  'app.localhost': ['127.0.0.1'],
  'router.home.arpa': ['127.0.0.1'],
  db: ['127.0.0.1'],
};

const resolve = async (name: string) => {
  const addresses = NAMES[name];
  if (addresses === undefined) throw Object.assign(new Error('unknown name'), { code: 'ENOTFOUND' });
  return addresses;
};

/** `PORT` stands for the port of a server on 127.0.0.1 and ::1 that counts connections. */
const HOSTILE: [what: string, url: string][] = [
  ['loopback', 'http://127.0.0.1:PORT/'],
  ['loopback, last address', 'http://127.255.255.254:PORT/'],
  ['loopback with a trailing dot', 'http://127.0.0.1.:PORT/'],
  ['loopback as decimal', 'http://2130706433:PORT/'],
  ['loopback as octal', 'http://0177.0.0.1:PORT/'],
  ['loopback as octal number', 'http://017700000001:PORT/'],
  ['loopback as hex', 'http://0x7f000001:PORT/'],
  ['loopback as dotted hex', 'http://0x7f.0x0.0x0.0x1:PORT/'],
  ['loopback, mixed bases', 'http://0x7f.0.1:PORT/'],
  ['loopback, two parts', 'http://127.1:PORT/'],
  ['loopback, three parts', 'http://127.0.1:PORT/'],
  ['loopback, percent-encoded', 'http://%31%32%37.0.0.1:PORT/'],
  ['loopback, fullwidth digits', 'http://１２７.０.０.１:PORT/'],
  ['loopback, ideographic full stops', 'http://127。0。0。1:PORT/'],
  ['loopback, circled digits', 'http://①②⑦.⓪.⓪.①:PORT/'],
  ['this host', 'http://0.0.0.0:PORT/'],
  ['this host, short', 'http://0:PORT/'],
  ['this network', 'http://0.1.2.3:PORT/'],
  ['broadcast', 'http://255.255.255.255:PORT/'],
  ['reserved', 'http://240.0.0.1:PORT/'],
  ['multicast', 'http://224.0.0.1:PORT/'],
  ['private 10/8', 'http://10.0.0.1:PORT/'],
  ['private 172.16/12', 'http://172.31.255.255:PORT/'],
  ['private 192.168/16', 'http://192.168.1.1:PORT/'],
  ['link-local metadata', 'http://169.254.169.254:PORT/latest/meta-data/'],
  ['link-local metadata as decimal', 'http://2852039166:PORT/'],
  ['task metadata', 'http://169.254.170.2:PORT/v2/credentials'],
  ['Azure wire server', 'http://168.63.129.16:PORT/'],
  ['carrier-grade NAT', 'http://100.64.0.1:PORT/'],
  ['Alibaba metadata', 'http://100.100.100.200:PORT/'],
  ['benchmarking', 'http://198.18.0.1:PORT/'],
  ['benchmarking, second half', 'http://198.19.255.255:PORT/'],
  ['protocol assignments', 'http://192.0.0.192:PORT/'],
  ['documentation 1', 'http://192.0.2.1:PORT/'],
  ['documentation 2', 'http://198.51.100.1:PORT/'],
  ['documentation 3', 'http://203.0.113.1:PORT/'],
  ['6to4 relay', 'http://192.88.99.1:PORT/'],
  ['IPv6 loopback', 'http://[::1]:PORT/'],
  ['IPv6 loopback, long', 'http://[0:0:0:0:0:0:0:1]:PORT/'],
  ['IPv6 unspecified', 'http://[::]:PORT/'],
  ['IPv4-mapped', 'http://[::ffff:127.0.0.1]:PORT/'],
  ['IPv4-mapped in hex', 'http://[::ffff:7f00:1]:PORT/'],
  ['IPv4-mapped private', 'http://[::ffff:10.0.0.1]:PORT/'],
  ['IPv4-compatible', 'http://[::127.0.0.1]:PORT/'],
  ['IPv4-compatible in hex', 'http://[::7f00:1]:PORT/'],
  ['IPv4-translated', 'http://[::ffff:0:127.0.0.1]:PORT/'],
  ['NAT64', 'http://[64:ff9b::127.0.0.1]:PORT/'],
  ['NAT64, local', 'http://[64:ff9b:1::7f00:1]:PORT/'],
  ['6to4', 'http://[2002:7f00:1::]:PORT/'],
  ['Teredo', 'http://[2001:0:7f00:1::]:PORT/'],
  ['ORCHID', 'http://[2001:20::1]:PORT/'],
  ['unique local', 'http://[fd00::1]:PORT/'],
  ['unique local metadata', 'http://[fd00:ec2::254]:PORT/'],
  ['IPv6 link-local', 'http://[fe80::1]:PORT/'],
  ['IPv6 link-local with zone', 'http://[fe80::1%25lo]:PORT/'],
  ['IPv6 site-local', 'http://[fec0::1]:PORT/'],
  ['IPv6 multicast', 'http://[ff02::1]:PORT/'],
  ['IPv6 discard', 'http://[100::1]:PORT/'],
  ['IPv6 documentation', 'http://[2001:db8::1]:PORT/'],
  ['IPv6 documentation, new', 'http://[3fff::1]:PORT/'],
  ['segment routing', 'http://[5f00::1]:PORT/'],
  ['outside global unicast', 'http://[4000::1]:PORT/'],
  ['single label', 'http://db:PORT/'],
  ['localhost', 'http://localhost:PORT/'],
  ['localhost in capitals', 'http://LOCALHOST:PORT/'],
  ['localhost with a trailing dot', 'http://localhost.:PORT/'],
  ['.localhost', 'http://app.localhost:PORT/'],
  ['.local', 'http://printer.local:PORT/'],
  ['.internal', 'http://api.internal:PORT/'],
  ['.internal with a trailing dot', 'http://api.internal.:PORT/'],
  ['.home.arpa', 'http://router.home.arpa:PORT/'],
  ['name of loopback', 'http://loopback.example.com:PORT/'],
  ['name of loopback with a trailing dot', 'http://loopback.example.com.:PORT/'],
  ['name of IPv6 loopback', 'http://loopback6.example.com:PORT/'],
  ['name of mapped loopback', 'http://mapped.example.com:PORT/'],
  ['name of this host', 'http://any.example.com:PORT/'],
  ['name of this host, IPv6', 'http://any6.example.com:PORT/'],
  ['name of a metadata service', 'http://metadata.example.com:PORT/'],
  ['name of the Azure wire server', 'http://azure.example.com:PORT/'],
  ['name of a private address', 'http://private.example.com:PORT/'],
  ['name of a NAT64 address', 'http://nat64.example.com:PORT/'],
  ['name with one bad address of two', 'http://mixed.example.com:PORT/'],
  ['name with one bad IPv6 address of two', 'http://mixed6.example.com:PORT/'],
  ['name of an address with a zone', 'http://zone.example.com:PORT/'],
  ['name of a short address', 'http://garbage.example.com:PORT/'],
  ['name without addresses', 'http://empty.example.com:PORT/'],
  ['unknown name', 'http://nowhere.example.com:PORT/'],
  ['user name', 'http://admin@loopback.example.com:PORT/'],
  ['user name and password', 'http://admin:secret@198.35.26.96:PORT/'],
  ['address as user name', 'http://198.35.26.96@127.0.0.1:PORT/'],
  ['empty user name', 'http://@loopback.example.com:PORT/'],
  ['backslash', 'http://127.0.0.1:PORT\\@example.com/'],
  ['backslashes as slashes', 'http:\\\\127.0.0.1:PORT/'],
  ['tab in the scheme', 'ht\ttp://127.0.0.1:PORT/'],
  ['newline in the host', 'http://127.0.0\n.1:PORT/'],
  ['leading space', ' http://127.0.0.1:PORT/'],
  ['request splitting', 'http://loopback.example.com:PORT/ HTTP/1.1\r\nhost: x'],
  ['no slashes', 'http:127.0.0.1:PORT/'],
  ['too many slashes', 'http:////127.0.0.1:PORT/'],
  ['no scheme', '//127.0.0.1:PORT/'],
  ['file', 'file:///etc/passwd'],
  ['gopher', 'gopher://127.0.0.1:PORT/_GET'],
  ['ftp', 'ftp://127.0.0.1:PORT/'],
  ['websocket', 'ws://127.0.0.1:PORT/'],
  ['data', 'data:text/plain,hello'],
  ['javascript', 'javascript:alert(1)'],
  ['blob', 'blob:http://127.0.0.1:PORT/x'],
  ['unix socket', 'http://unix:/var/run/docker.sock:/containers/json'],
  ['SSH port', `http://${ELSEWHERE}:22/`],
  ['SMTP port', `http://${ELSEWHERE}:25/`],
  ['Redis port', `http://${ELSEWHERE}:6379/`],
  ['Postgres port of a name', 'http://hooks.example.com:5432/'],
  ['Docker port', `http://${ELSEWHERE}:2375/`],
  ['port 0', `http://${ELSEWHERE}:0/`],
  ['port out of range', `http://${ELSEWHERE}:65536/`],
  ['empty host', 'http://:PORT/'],
  ['empty label', 'http://loopback..example.com:PORT/'],
  ['wildcard host', 'http://*.example.com:PORT/'],
  ['too long', `http://example.com:PORT/${'x'.repeat(2_048)}`],
  ['empty', ''],
];

describe('guarded client, hostile addresses', () => {
  let four: Receiver;
  let six: Receiver;
  const client = createGuardedClient({ policy: PUBLIC, resolve });

  beforeAll(async () => {
    const answer = () =>
      createServer((socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n'));
    four = await listen(answer());
    six = await listen(answer(), '::1', four.port);
  });

  afterAll(async () => {
    await client.close();
    await four.close();
    await six.close();
  });

  const at = (url: string) => url.replaceAll('PORT', String(four.port));
  const reached = () => four.connections + six.connections;

  it('has at least a hundred of them', () => {
    expect(new Set(HOSTILE.map(([, url]) => url)).size).toBeGreaterThanOrEqual(100);
  });

  it.each(HOSTILE)('refuses %s at registration and at sending', async (_what, url) => {
    const registered = await checkUrlAndResolve(at(url), PUBLIC, { resolve });
    expect(registered).toEqual({ ok: false, reason: expect.any(String) });
    const sent = await client.send({ url: at(url), headers: {}, body: '{}', timeoutMs: 2_000 });
    expect(sent).toMatchObject({ ok: false });
    expect(['blocked', 'dns']).toContain(sent.ok ? 'sent' : sent.code);
    expect(reached()).toBe(0);
  });

  it('refuses a name that was public when it was registered and is private when it is connected to', async () => {
    const answers = [[ELSEWHERE], ['127.0.0.1']];
    const rebinding = async () => answers.shift() ?? [];
    const url = at('http://rebinding.example.com:PORT/');
    expect(await checkUrlAndResolve(url, PUBLIC, { resolve: rebinding })).toMatchObject({ ok: true });
    const rebound = createGuardedClient({ policy: PUBLIC, resolve: rebinding });
    const sent = await rebound.send({ url, headers: {}, body: '{}', timeoutMs: 2_000 });
    expect(sent).toMatchObject({ ok: false, code: 'blocked' });
    expect(answers).toHaveLength(0);
    expect(reached()).toBe(0);
    await rebound.close();
  });

  it('resolves and checks again for the next connection', async () => {
    let address = '127.0.0.1';
    const policy: AddressPolicy = { allowPrivateNetworks: ['127.0.0.0/8'], allowHttp: true };
    const moving = createGuardedClient({ policy, resolve: async () => [address], revalidateAfterMs: 20 });
    const receiver = await listen(
      createServer((socket) => socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'))),
    );
    const send = () =>
      moving.send({ url: `http://moving.example.com:${receiver.port}/`, headers: {}, body: '{}', timeoutMs: 2_000 });
    expect(await send()).toMatchObject({ ok: true });
    address = '169.254.169.254';
    await new Promise((done) => setTimeout(done, 30));
    expect(await send()).toMatchObject({ ok: false, code: 'blocked' });
    expect(receiver.connections).toBe(1);
    await moving.close();
    await receiver.close();
  });

  it('sends nothing to a peer that is not the address it checked', async () => {
    let bytes = 0;
    const receiver = await listen(createServer((socket) => socket.on('data', (chunk) => (bytes += chunk.length))));
    // Systems take 0.0.0.0 to mean this machine: the connection is made, and its peer is 127.0.0.1.
    const policy: AddressPolicy = { allowPrivateNetworks: ['0.0.0.0/32'], allowHttp: true };
    const astray = createGuardedClient({ policy, resolve });
    const url = `http://any.example.com:${receiver.port}/`;
    const sent = await astray.send({ url, headers: {}, body: '{}', timeoutMs: 2_000 });
    expect(sent).toMatchObject({ ok: false, code: 'blocked' });
    expect(bytes).toBe(0);
    await astray.close();
    await receiver.close();
  });

  it('says the same of every refusal, whatever it found', async () => {
    const details = new Set<string>();
    const urls = [
      'http://127.0.0.1:PORT/',
      'http://private.example.com:PORT/',
      'http://api.internal/',
      'ftp://x.example.com/',
    ];
    for (const url of urls) {
      const sent = await client.send({ url: at(url), headers: {}, body: '', timeoutMs: 2_000 });
      if (!sent.ok) details.add(`${sent.code}: ${sent.detail}`);
    }
    expect([...details]).toEqual(['blocked: the address is not allowed']);
    const unknown = await checkUrlAndResolve('https://nowhere.example.com/', PUBLIC, { resolve });
    const internal = await checkUrlAndResolve('https://private.example.com/', PUBLIC, { resolve });
    expect(unknown).toEqual(internal);
  });

  it('reaches the very same server once the policy allows its network', async () => {
    const allowed = createGuardedClient({ policy: LOOPBACK, resolve });
    const urls = [
      'http://127.0.0.1:PORT/',
      'http://2130706433:PORT/',
      'http://[::ffff:127.0.0.1]:PORT/',
      'http://localhost:PORT/',
      'http://loopback.example.com:PORT/',
      'http://[::1]:PORT/',
    ];
    for (const url of urls) {
      expect(await allowed.send({ url: at(url), headers: {}, body: '{}', timeoutMs: 2_000 })).toMatchObject({
        ok: true,
        status: 200,
      });
    }
    expect(reached()).toBe(urls.length);
    expect(checkUrl(at('http://10.0.0.1:PORT/'), LOOPBACK).ok).toBe(false);
    await allowed.close();
  });
});
