// A process of bench:compliance: sends to subscribers and changes what they want, all at once, by the functions that workers and
// API call. It says on standard output what it asks for, before, and what it was answered, after: it is killed at any moment.
import { setTimeout as sleep } from 'node:timers/promises';
import { newId } from '../../core/ids';
import { notificationsConfig } from '../../domains/notifications';
import { notificationMetrics } from '../../domains/notifications/metrics';
import { handOver } from '../../domains/notifications/sending/hand-over';
import { sealContent } from '../../domains/notifications/sending/sealing';
import { insertNotification } from '../../domains/notifications/store/notifications';
import { commitChange } from '../../domains/preferences';
import { openPlatform } from '../../infra/platform/platform';
import { seededRandom } from '../kit/random';
import { type ActorSettings, CATEGORY, OPT_INS_SHARE, type Told } from './actor-settings';

const settings = JSON.parse(process.env.BENCH_ACTOR ?? '{}') as ActorSettings;
const { tenantId, subscribers, atOnce, perSecond, changesShare, prepared: toPrepare } = settings;
const random = seededRandom(process.pid);
const CONTENT = { in_app: { title: 'Hello', body: 'There' } };
const COMMIT_WITHIN_MS = 10_000;
const PAUSE_MS = 100;
const WARM_UP_ROUNDS = 10;

const platform = openPlatform({ name: 'actor', fragments: [notificationsConfig] });
const { pool, keyring } = platform;

/** Pipes are written to at once, so that what is told outlives this process. */
function tell(told: Told): void {
  process.stdout.write(`${JSON.stringify(told)}\n`);
}

const decisions: number[] = [];
Object.assign(platform.metrics.of(notificationMetrics).decisionSeconds, {
  observe: (seconds: number) => decisions.push(seconds * 1_000),
});

/** Sends that were accepted before: at a fixed rate it is their decisions that are timed. */
const prepared: string[] = [];

async function send(subscriberId: string): Promise<void> {
  await handOver(platform, prepared.pop() ?? (await accept(subscriberId)));
}

async function accept(subscriberId: string): Promise<string> {
  const id = newId('ntf');
  const sendId = newId('snd');
  await insertNotification(pool, {
    id,
    tenantId,
    subscriberId,
    topic: undefined,
    category: CATEGORY,
    template: undefined,
    contentSealed: sealContent(keyring, id, CONTENT),
    workflowId: `bench/${id}`,
    createdBy: 'bench',
    sends: [{ id: sendId, channel: 'in_app', destinationId: undefined }],
  });
  return sendId;
}

async function change(subscriberId: string, wanted: boolean): Promise<void> {
  const changeId = newId('prc');
  tell({ asked: changeId, subscriberId, wanted });
  const result = await commitChange(platform, {
    changeId,
    tenantId,
    subscriberId,
    kind: wanted ? 'opt_in' : 'opt_out',
    choices: [{ level: 'category', key: CATEGORY, channel: '*', value: wanted }],
    quietHours: undefined,
    actor: 'bench',
    evidence: null,
    expected: null,
    notAfter: Date.now() + COMMIT_WITHIN_MS,
  });
  // Rounded up: what is decided about within the same millisecond may have been before.
  if (result.outcome === 'committed') tell({ answered: changeId, version: result.version, at: Date.now() + 1 });
}

const someone = () => subscribers[Math.floor(random() * subscribers.length)] ?? '';

async function act(): Promise<void> {
  const subscriberId = someone();
  try {
    if (random() >= changesShare) await send(subscriberId);
    else await change(subscriberId, random() < OPT_INS_SHARE);
  } catch {
    // Postgres is away.
    await sleep(PAUSE_MS);
  }
}

let stopped = false;
process.once('SIGTERM', () => {
  stopped = true;
});

/** As many at a time as there may be; or each when it is due, whatever became of the others. */
async function run(): Promise<void> {
  const open = new Set<Promise<void>>();
  for (let round = 0; round < WARM_UP_ROUNDS; round++) {
    await Promise.all(subscribers.slice(0, atOnce).map((subscriberId) => send(subscriberId).catch(() => undefined)));
  }
  decisions.length = 0;
  while (prepared.length < toPrepare) {
    prepared.push(...(await Promise.all(Array.from({ length: atOnce }, () => accept(someone())))));
  }
  tell({ ready: true });
  const began = performance.now();
  for (let n = 0; !stopped; n++) {
    if (perSecond > 0) await sleep(Math.max(0, began + (n * 1_000) / perSecond - performance.now()));
    while (open.size >= atOnce) await Promise.race(open);
    const one = act().finally(() => open.delete(one));
    open.add(one);
  }
  await Promise.all(open);
  tell({ decisions, seconds: (performance.now() - began) / 1_000 });
  await platform.close();
}

run().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
    process.exit(1);
  },
);
