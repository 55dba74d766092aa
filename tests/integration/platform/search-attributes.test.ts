import { randomBytes } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time';
import { registerSearchAttributes } from '../../../infra/temporal/register-search-attributes';
import { captureLog } from '../../support/log-capture';
import { eventually } from '../../support/receiver';
import { REFUSAL, startRefusingProxy } from '../../support/refusing-proxy';

const OPERATOR = 'operatorservice';
const ALL = [
  'TenantIds (KeywordList)',
  'EndpointIds (KeywordList)',
  'WaybillState (Keyword)',
  'BusinessDate (Keyword)',
];

let target: string;
let server: Client;
/** Has no search attributes of ours until a test adds them. */
let namespace: string;

beforeEach(async () => {
  target = process.env.TEMPORAL_ADDRESS ?? '127.0.0.1:7233';
  server = new Client({ connection: await Connection.connect({ address: target }) });
  namespace = `test-${randomBytes(6).toString('hex')}`;
  await server.workflowService.registerNamespace({
    namespace,
    workflowExecutionRetentionPeriod: msToTs('1 day'),
  });
  await eventually(() => describeNamespace(server).catch(() => undefined));
});
afterEach(async () => {
  await server.connection.close();
});

const describeNamespace = (client: Client) => client.workflowService.describeNamespace({ namespace });

/** Registers through a proxy that refuses; what was logged. */
async function registerRefused(refused: readonly string[], status: number) {
  const proxy = await startRefusingProxy(target, refused, status);
  const connection = await Connection.connect({ address: proxy.address });
  const { log, records } = captureLog();
  try {
    await registerSearchAttributes(new Client({ connection }), namespace, log);
    return records();
  } finally {
    await connection.close();
    await proxy.close();
  }
}

test.each(Object.entries(REFUSAL))(
  'where administration is refused (%s), what is missing is logged with the commands that add it',
  async (_name, status) => {
    const records = await registerRefused([OPERATOR], status);
    expect(records).toMatchObject([
      {
        namespace,
        missing: ALL,
        commands: [
          expect.stringContaining(
            `temporal operator search-attribute create --namespace ${namespace} --name TenantIds --type KeywordList`,
          ),
          expect.stringContaining(
            `tcld namespace search-attributes add --namespace ${namespace} --search-attribute "TenantIds=KeywordList"`,
          ),
        ],
      },
    ]);
  },
);

test('nothing is logged once all are there, and only what is missing until then', async () => {
  const { log, records } = captureLog();
  await eventually(() => registerSearchAttributes(server, namespace, log).then(() => true));
  expect(records()).toEqual([]);
  const names = await eventually(async () => {
    const aliases = (await describeNamespace(server)).config?.customSearchAttributeAliases ?? {};
    return Object.keys(aliases).length === ALL.length ? Object.values(aliases) : undefined;
  });
  expect(names.sort()).toEqual(ALL.map((text) => text.split(' ')[0]).sort());
  expect(await registerRefused([OPERATOR], REFUSAL.permissionDenied)).toEqual([]);
});

test('where even looking is refused, all that are needed are named', async () => {
  const refused = [OPERATOR, 'DescribeNamespace', 'GetSearchAttributes'];
  const [record] = await registerRefused(refused, REFUSAL.permissionDenied);
  expect(record).toMatchObject({ level: 'warn', missing: ALL });
});

test('an error of another kind is not taken for a refusal', async () => {
  const INVALID_ARGUMENT = 3;
  await expect(registerRefused([OPERATOR, 'DescribeNamespace'], INVALID_ARGUMENT)).rejects.toThrow();
});
