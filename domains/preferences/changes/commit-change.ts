import { isExpected, outdatedDetail } from '../../../core/expected-version';
import type { PublicId } from '../../../core/ids';
import type { Platform } from '../../../infra/platform/platform';
import { databaseClock } from '../../../infra/postgres/followed-lists';
import { inTransaction, type Queryable } from '../../../infra/postgres/pool';
import { openAddressKeys } from '../addresses';
import { appendConsent } from '../consent/append-consent';
import type { ChangeCommand, CommitResult } from '../rules/change-command';
import type { ChoiceChange } from '../rules/choices';
import { knownCategories, knownTopics } from '../store/catalogue';
import { type ChangeSummary, findChange, insertChange } from '../store/changes';
import { writeChoices } from '../store/choices';
import { lockSubscriber, storePreferenceState } from '../store/subscribers';
import { LEAVE_MS } from './terms';

/** So many choices nobody makes by hand; a program that goes wrong does. */
const MOST_CHOICES = 1_000;

/**
 * Commits a change of preferences, once however often and wherever this is tried: the choices, the subscriber's new version,
 * the entry in their consent log, in one transaction with the subscriber's row locked. The audit log is told when the change is
 * concluded: it takes one entry at a time of a tenant, and nobody who holds a row waits for that.
 * Decisions in whose transactions things are sent are taken before it or after it, never by half of it.
 *
 * @param statementTimeoutMs - how long it may wait for each statement, such as for its turn
 * @returns what is wrong with it, instead of throwing that: no retry changes it
 */
export async function commitChange(
  platform: Platform,
  command: ChangeCommand,
  { statementTimeoutMs = 5_000 }: { statementTimeoutMs?: number } = {},
): Promise<CommitResult> {
  const { changeId, tenantId, subscriberId, kind, quietHours, expected, actor } = command;
  const key = await platform.once(openAddressKeys).of(tenantId);
  const work = async (db: Queryable): Promise<CommitResult> => {
    const subscriber = await lockSubscriber(db, tenantId, subscriberId);
    if (subscriber === undefined || subscriber.erasedAt !== undefined)
      return refused('no-such-subscriber', 'There is no such subscriber.');
    const made = await findChange(db, changeId);
    if (made !== undefined) return { outcome: 'committed', version: made.version ?? subscriber.preferenceVersion };
    const now = await databaseClock(db);
    if (now > command.notAfter) return refused('too-late', 'It was not committed in time; ask again.');
    if (!isExpected(expected ?? undefined, subscriber.preferenceVersion)) {
      const version = subscriber.preferenceVersion;
      return { ...refused('changed-meanwhile', outdatedDetail('The preferences', version)), version };
    }
    const unknown = await unknownKey(db, tenantId, command.choices);
    if (unknown !== undefined) return unknown;

    const version = subscriber.preferenceVersion + 1;
    const at = new Date(Math.floor(now));
    const writing = { subscriberId, version, by: actor, at };
    if ((await writeChoices(db, writing, command)) > MOST_CHOICES) throw new TooManyChoices();
    await storePreferenceState(db, subscriberId, { version, quietHours: kind === 'reset' ? null : quietHours });
    const summary = summaryOf(command);
    const { seq: consentSeq } = await appendConsent(
      db,
      { tenantId, subscriberId, key },
      { actor, action: kind, changeId, payload: { ...summary, version, evidence: command.evidence } },
      at,
    );
    const change = {
      id: changeId,
      tenantId,
      subscriberId,
      suppressionId: undefined,
      kind,
      version,
      summary,
      consentSeq,
    };
    await insertChange(db, change, LEAVE_MS);
    return { outcome: 'committed', version };
  };
  try {
    return await inTransaction(platform.pool, work, { statementTimeoutMs });
  } catch (error) {
    if (!(error instanceof TooManyChoices)) throw error;
    return refused('too-many-choices', `Somebody may have ${MOST_CHOICES} choices; take some back first.`);
  }
}

/** Thrown to undo what is written. */
class TooManyChoices extends Error {
  override name = 'TooManyChoices';
}

/** What a change was, for its event and for the record. */
export function summaryOf({ choices, kind, quietHours }: ChangeCommand): ChangeSummary {
  if (kind === 'reset') return { choices: [], quietHours: null };
  return { choices, ...(quietHours === undefined ? {} : { quietHours }) };
}

/** Names the first category or topic that there is none of. What there is no longer may be taken back all the same. */
async function unknownKey(
  db: Queryable,
  tenantId: PublicId,
  choices: readonly ChoiceChange[],
): Promise<CommitResult | undefined> {
  const keysAt = (level: ChoiceChange['level']) =>
    choices.filter((choice) => choice.level === level && choice.value !== null).map(({ key }) => key);
  const categories = await knownCategories(db, tenantId, keysAt('category'));
  const topics = await knownTopics(db, tenantId, keysAt('topic'));
  for (const [index, { level, key, value }] of choices.entries()) {
    if (value === null || level === 'global' || (level === 'category' ? categories : topics).has(key)) continue;
    return {
      ...refused(level === 'category' ? 'unknown-category' : 'unknown-topic', `is no ${level} that there is`),
      field: ['choices', String(index), level],
    };
  }
  return undefined;
}

function refused(code: Extract<CommitResult, { outcome: 'refused' }>['code'], detail: string) {
  return { outcome: 'refused' as const, code, detail };
}
