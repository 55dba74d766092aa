import { apiConfig } from '../../../api/http/config';
import { DOORS } from '../../../api/routes';
import { ConfigError, type Fragment, joinFragments, loadSettings } from '../../../infra/config/settings';
import { platformConfig } from '../../../infra/platform/config';
import { workerConfig } from '../../../worker/config';
import { DOMAINS } from '../../../worker/domains';

/** Everything that API and worker read. */
const FRAGMENTS: readonly Fragment[] = [
  ...new Set([platformConfig, apiConfig, workerConfig, ...DOMAINS.flatMap(({ config }) => config ?? [])]),
];
const all = joinFragments(FRAGMENTS);
const loadConfig = (env: NodeJS.ProcessEnv) => {
  const settings = loadSettings(FRAGMENTS, env);
  return Object.assign({}, ...FRAGMENTS.map((fragment) => settings.of(fragment)));
};

const KEY = `k1:${Buffer.alloc(32, 1).toString('base64')}`;
const right = { DATABASE_URL: 'postgres://waybill:pw@127.0.0.1:5432/waybill', WAYBILL_KEYS: KEY };
const ADMIN_KEY = `wb_live_${'0'.repeat(32)}_${'a'.repeat(43)}`;

function complaint(env: NodeJS.ProcessEnv): string {
  try {
    loadConfig(env);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).message;
  }
  throw new Error('the environment was accepted');
}

test('the database and the keys are all that must be set', () => {
  expect(loadConfig(right)).toMatchObject({
    ...right,
    WAYBILL_KEYS: [KEY],
    WAYBILL_PORT: 8080,
    WAYBILL_FIRST_ATTEMPT: 'api',
    WAYBILL_COVER_LINGER: 100,
    WAYBILL_OWN_WORKFLOWS_PER_SECOND: 10,
    WAYBILL_SWEEP_INTERVAL: 30_000,
    WAYBILL_CONTENT_RETENTION: 30 * 86_400_000,
    WAYBILL_ALLOW_HTTP: false,
    WAYBILL_ALLOW_PRIVATE_NETWORKS: [],
  });
  expect(loadConfig(right).REDIS_URL).toBeUndefined();
});

test('an empty variable counts as not set', () => {
  expect(loadConfig({ ...right, REDIS_URL: '', WAYBILL_PORT: '', WAYBILL_ADMIN_KEY: '' })).toEqual(loadConfig(right));
});

test('values are read as what they are', () => {
  const config = loadConfig({
    ...right,
    REDIS_URL: 'rediss://cache:6380',
    WAYBILL_ADMIN_KEY: ADMIN_KEY,
    WAYBILL_KEYS: `${KEY}, k0:${Buffer.alloc(32, 2).toString('base64')}`,
    WAYBILL_PORT: '0',
    WAYBILL_ALLOW_HTTP: 'true',
    WAYBILL_ALLOW_PRIVATE_NETWORKS: ' 10.0.0.0/8 ,, 127.0.0.0/8',
    WAYBILL_SWEEP_GRACE: '1.5s',
  });
  expect(config).toMatchObject({
    REDIS_URL: 'rediss://cache:6380',
    WAYBILL_PORT: 0,
    WAYBILL_ALLOW_HTTP: true,
    WAYBILL_ALLOW_PRIVATE_NETWORKS: ['10.0.0.0/8', '127.0.0.0/8'],
    WAYBILL_SWEEP_GRACE: 1_500,
  });
  expect(config.WAYBILL_KEYS).toHaveLength(2);
});

test('what is missing is said to be not set, with what is expected', () => {
  const message = complaint({});
  expect(message).toMatch(/DATABASE_URL: is not set; expected a postgres:\/\/ URL/);
  expect(message).toMatch(/WAYBILL_KEYS: is not set; expected one or more id:base64-of-32-bytes/);
});

const WRONG: [name: string, value: string, expected: RegExp][] = [
  ['DATABASE_URL', 'mysql://PLANTED@host/db', /postgres:\/\/ URL/],
  ['DATABASE_URL', 'PLANTED', /postgres:\/\/ URL/],
  ['WAYBILL_DATABASE_CONNECTIONS', 'many', /whole number from 1 to 500/],
  ['WAYBILL_DATABASE_CONNECTIONS', '0', /whole number from 1 to 500/],
  ['WAYBILL_DATABASE_CONNECTIONS', '501', /whole number from 1 to 500/],
  ['WAYBILL_DATABASE_CONNECTIONS', '2.5', /whole number from 1 to 500/],
  ['WAYBILL_DATABASE_READ_CONNECTIONS', '0', /whole number from 1 to 500/],
  ['WAYBILL_DATABASE_READ_TIMEOUT', '31s', /at most 30s/],
  ['REDIS_URL', 'http://PLANTED@host', /redis:\/\/ or rediss:\/\/ URL/],
  ['REDIS_URL', 'redis+sentinel://:PLANTED@one,two', /redis\+sentinel:\/\/sentinel:port,sentinel:port\/name/],
  ['WAYBILL_REDIS_PREFIX', 'PLANTED prefix', /1 to 64 letters/],
  ['WAYBILL_KEYS', ' , ', /id:base64-of-32-bytes/],
  ['WAYBILL_KEYS', `PLANTED:${Buffer.alloc(16).toString('base64')}`, /id:base64-of-32-bytes/],
  ['WAYBILL_KEYS', `${KEY},PLANTED`, /id:base64-of-32-bytes/],
  ['WAYBILL_ADMIN_KEY', `${ADMIN_KEY}PLANTED`, /wb_live_/],
  ['WAYBILL_PORT', '70000', /port number from 0 to 65535/],
  ['WAYBILL_PORT', 'http', /port number from 0 to 65535/],
  ['WAYBILL_UNKNOWN_KEYS_PER_SECOND', '0', /whole number from 1/],
  ['WAYBILL_TRUSTED_PROXIES', '10.0.0.0/8,proxy', /CIDR ranges such as/],
  ['WAYBILL_METRICS_PORT', '65536', /port number from 0 to 65535/],
  ['WAYBILL_WORKER_PORT', '-1', /port number from 0 to 65535/],
  ['WAYBILL_TEMPORAL_METRICS_PORT', 'x', /port number/],
  ['WAYBILL_WORKER_ROLES', 'delivery,PLANTED', /one or more of delivery, backlog, notifications, money, upkeep/],
  ['WAYBILL_TEMPORAL_UI_URL', 'temporal', /URL/],
  ['WAYBILL_TEMPORAL_UI_URL', 'https://user:PLANTED@temporal', /must not contain a user name or password/],
  ['WAYBILL_LOG_LEVEL', 'loud', /"info"/],
  ['WAYBILL_FIRST_ATTEMPT', 'worker', /api or workflow/],
  ['WAYBILL_ATTEMPT_CONCURRENCY', '-3', /from 1 to 20000/],
  ['WAYBILL_ATTEMPT_CONCURRENCY_PER_ENDPOINT', '2001', /from 1 to 2000/],
  ['WAYBILL_COVER_LINGER', '100', /duration such as 500ms/],
  ['WAYBILL_COVER_LINGER_MAX', 'soon', /duration such as 500ms/],
  ['WAYBILL_OWN_WORKFLOWS_PER_SECOND', '0', /from 1 to 10000/],
  ['WAYBILL_SWEEP_INTERVAL', '30 s', /duration such as 500ms/],
  ['WAYBILL_SWEEP_GRACE', '-1s', /duration such as 500ms/],
  ['WAYBILL_BACKLOG_MAX_AGE', '-1s', /duration such as 500ms/],
  ['WAYBILL_BULK_SUPPRESSION_MAX_ROWS', '0', /from 1 to 5000000/],
  ['WAYBILL_BULK_SUPPRESSION_FOUR_EYES_FROM', 'PLANTED', /from 1 to 5000000/],
  ['WAYBILL_BULK_SUPPRESSION_BIG_FROM', 'PLANTED', /from 1 to 5000000/],
  ['WAYBILL_BULK_SUPPRESSION_RETENTION', '30', /duration such as 500ms/],
  ['WAYBILL_INBOUND_BLOCK_AFTER', '0', /from 1 to 1000000/],
  ['WAYBILL_INBOUND_BLOCK_WINDOW', '5', /duration such as 500ms/],
  ['WAYBILL_INBOUND_BLOCK_FOR', 'long', /duration such as 500ms/],
  ['WAYBILL_INBOUND_SWEEP_GRACE', '-1s', /duration such as 500ms/],
  ['WAYBILL_EXPORT_TTL', '32d', /at most 2678400s/],
  ['WAYBILL_PUBLIC_URL', 'ftp://PLANTED', /http\(s\)|http:\/\/ or https:\/\/ URL/],
  ['WAYBILL_SMTP_URL', 'http://PLANTED', /smtp:\/\/ or smtps:\/\/ URL/],
  ['WAYBILL_SMTP_FROM', 'PLANTED', /email address/],
  ['WAYBILL_SMTP_TLS', 'PLANTED', /required, optional or off/],
  ['WAYBILL_SMTP_CONNECTIONS', '0', /from 1 to 500/],
  ['WAYBILL_NOTIFY_SMS_URL', 'ftp://PLANTED', /http:\/\/ or https:\/\/ URL/],
  ['WAYBILL_NOTIFY_SMS_HEADERS', '["PLANTED"]', /JSON object/],
  ['WAYBILL_NOTIFY_SMS_TEMPLATE', '{"PLANTED": {{to}}}', /expected JSON/],
  ['WAYBILL_NOTIFY_PUSH_URL', 'PLANTED', /http:\/\/ or https:\/\/ URL/],
  ['WAYBILL_NOTIFY_PUSH_HEADERS', 'PLANTED', /JSON object/],
  ['WAYBILL_NOTIFY_PUSH_TEMPLATE', 'PLANTED {{to}}', /expected JSON/],
  ['WAYBILL_NOTIFY_CONCURRENCY', '1001', /from 1 to 1000/],
  ['WAYBILL_NOTIFY_TIMEOUT', '20', /duration such as 500ms/],
  ['WAYBILL_NOTIFY_RETRIES', '5s,soon', /durations such as 5s,30s,2m/],
  ['WAYBILL_NOTIFY_SWEEP_GRACE', '-1s', /duration such as 500ms/],
  ['WAYBILL_CIRCUIT_FIRST_PROBE', '5', /duration such as 500ms/],
  ['WAYBILL_CIRCUIT_LONGEST_PROBE', 'long', /duration such as 500ms/],
  ['WAYBILL_HOLD_FOR', 'a week', /duration such as 500ms/],
  ['WAYBILL_ESCALATE_WEBHOOK_AFTER', '1', /duration such as 500ms/],
  ['WAYBILL_ESCALATE_SLACK_AFTER', '15', /duration such as 500ms/],
  ['WAYBILL_ESCALATE_SMS_AFTER', 'never', /duration such as 500ms/],
  ['WAYBILL_SLACK_URL', 'ftp://PLANTED', /http:\/\/ or https:\/\/ URL/],
  ['WAYBILL_SLACK_TEMPLATE', '{"PLANTED": {{held}}}', /expected JSON/],
  ['WAYBILL_SMS_URL', 'PLANTED', /http:\/\/ or https:\/\/ URL/],
  ['WAYBILL_SMS_TEMPLATE', 'PLANTED {{held}}', /expected JSON/],
  ['WAYBILL_ALLOW_HTTP', 'yes', /true or false/],
  ['WAYBILL_MAX_BODY_BYTES', '1MB', /whole number/],
  ['WAYBILL_UPLOAD_TIMEOUT', '30', /duration such as 500ms/],
  ['WAYBILL_RATE_LIMIT_PER_SECOND', '0', /from 1 to 1000000/],
  ['WAYBILL_CONTENT_RETENTION', '30', /duration such as 500ms/],
  ['WAYBILL_HISTORY_RETENTION', '1y', /duration such as 500ms/],
  ['WAYBILL_SETTLEMENT_WATCH_INTERVAL', 'often', /duration such as 500ms/],
  ['WAYBILL_SETTLEMENT_OVERDUE_AFTER', '15', /duration such as 500ms/],
  ['WAYBILL_PAYOUT_OVERDUE_AFTER', 'a week', /duration such as 500ms/],
  ['WAYBILL_PAYMENT_PROVIDER_URL', 'ftp://PLANTED', /http\(s\):\/\/ URL/],
  ['WAYBILL_PAYMENT_PROVIDER_URL', 'https://PLANTED@provider', /must not contain a user name or password/],
  ['WAYBILL_PAYMENT_PROVIDER_SECRET', 'whsec_PLANTED', /whsec_ and base64 of 24 to 64 bytes/],
  ['WAYBILL_PAYMENT_PROVIDER_TIMEOUT', '31s', /at most 30s/],
  ['WAYBILL_PAYMENT_PROVIDER_KEY_WINDOW', 'a day', /expected a duration/],
  ['WAYBILL_REVIEW_FOUR_EYES_FROM', '-1', /expected minor units/],
  ['WAYBILL_REVIEW_FOUR_EYES_FROM', '10.00', /expected minor units/],
  ['WAYBILL_PAYMENT_FIRST_ATTEMPT', 'worker', /api or workflow/],
  ['WAYBILL_PAYMENT_PACE', '0', /above 0/],
  ['WAYBILL_PAYMENT_PACE', 'fast', /number above 0/],
];

test.each(WRONG)('%s=%j is named, with what is expected, and nothing else is', (name, value, expected) => {
  const lines = complaint({ ...right, [name]: value })
    .split('\n')
    .slice(1);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(new RegExp(`^  ${name}: `));
  expect(lines[0]).toMatch(expected);
  expect(lines[0]).not.toContain('is not set');
});

test('no complaint repeats a value', () => {
  for (const [name, value] of WRONG) {
    const message = complaint({ ...right, [name]: value });
    expect(message).not.toContain('PLANTED');
    expect(message).not.toContain(KEY);
  }
});

test('every wrong variable has its line', () => {
  const env = Object.fromEntries(WRONG.map(([name, value]) => [name, value]));
  const named = complaint(env)
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(':')[0]);
  expect([...new Set(named)].sort()).toEqual(Object.keys(env).sort());
});

test('what cannot be wrong is all that the table above leaves out', () => {
  const free = [
    'WAYBILL_HOST',
    'WAYBILL_ALLOW_PRIVATE_NETWORKS',
    'WAYBILL_EXTRA_CA_FILE',
    'WAYBILL_PAYMENT_PROVIDER_KEY',
    'WAYBILL_SMS_TOKEN',
    'WAYBILL_TASK_QUEUE',
  ];
  const tested = new Set(WRONG.map(([name]) => name));
  expect(
    Object.keys(all.shape)
      .filter((name) => !tested.has(name))
      .sort(),
  ).toEqual(free.sort());
});

test('every door is of a domain that workers know too', () => {
  expect(DOMAINS).toEqual(expect.arrayContaining(DOORS.map(({ domain }) => domain)));
});

test('a variable belongs to one part of the configuration', () => {
  expect(() => joinFragments([platformConfig, platformConfig])).toThrow(
    'two parts of the configuration have a variable',
  );
});

test('a process reads no part that it did not load', () => {
  const settings = loadSettings([platformConfig], right);
  expect(() => settings.of(apiConfig)).toThrow('did not load');
});

test('a worker has every role unless it is told', () => {
  expect(loadConfig(right).WAYBILL_WORKER_ROLES).toEqual(['delivery', 'backlog', 'notifications', 'money', 'upkeep']);
  expect(loadConfig({ ...right, WAYBILL_WORKER_ROLES: ' money, upkeep,money' }).WAYBILL_WORKER_ROLES).toEqual([
    'money',
    'upkeep',
  ]);
});
