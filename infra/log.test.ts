import { captureLog } from '../tests/support/log-capture';

const SECRET_NAMES = [
  'authorization',
  'secret',
  'secrets',
  'key',
  'apiKey',
  'password',
  'payload',
  'body',
  'data',
  'headers',
  'token',
];

test('a line is JSON with time, level, name and message', () => {
  const { log, records } = captureLog();
  log.info({ deliveryId: 'dlv_1' }, 'attempt failed');
  const [record] = records();
  expect(record).toMatchObject({ level: 'info', name: 'test', msg: 'attempt failed', deliveryId: 'dlv_1' });
  expect(record?.time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
});

test('less important lines than the level are not written', () => {
  const { log, lines } = captureLog('warn');
  log.info('quiet');
  log.warn('loud');
  expect(lines).toHaveLength(1);
});

describe.each(SECRET_NAMES)('a value named %s', (name) => {
  test('is redacted at each depth that our lines have', () => {
    const { log, lines } = captureLog();
    log.info({ [name]: 'PLANTED' }, 'one');
    log.info({ request: { [name]: 'PLANTED' } }, 'two');
    log.info({ request: { endpoint: { [name]: 'PLANTED' } } }, 'three');
    log.info({ endpoints: [{ [name]: 'PLANTED' }] }, 'list');
    log.info({ [name]: { deep: { deeper: 'PLANTED' } } }, 'whole object');
    expect(lines).toHaveLength(5);
    for (const line of lines) {
      expect(line).toContain('[redacted]');
      expect(line).not.toContain('PLANTED');
    }
  });

  test('is redacted in a child logger’s bindings', () => {
    const { log, lines } = captureLog();
    log.child({ [name]: 'PLANTED', requestId: 'r1' }).info('bound');
    expect(lines[0]).toContain('"requestId":"r1"');
    expect(lines[0]).not.toContain('PLANTED');
  });
});

test('what is logged is not changed for its owner', () => {
  const { log } = captureLog();
  const endpoint = { id: 'ep_1', secret: 'whsec_x' };
  log.info({ endpoint }, 'looked at');
  expect(endpoint).toEqual({ id: 'ep_1', secret: 'whsec_x' });
});

test('an error is written with message and stack, and no secret that was hung on it', () => {
  const { log, lines, records } = captureLog();
  log.error(
    { err: Object.assign(new Error('broken'), { code: 'X', body: 'PLANTED', config: { key: 'PLANTED' } }) },
    'no',
  );
  expect(records()[0]?.err).toMatchObject({ type: 'Error', message: 'broken', code: 'X' });
  expect(lines[0]).not.toContain('PLANTED');
});
