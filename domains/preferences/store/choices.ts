import { fromUuid, newId, type PublicId, toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import { effectOf, type PreferenceWish } from '../rules/change';
import type { ChannelScope, Choice, ChoicePlace, Level } from '../rules/choices';
import type { QuietHours } from '../rules/quiet-hours';

/** A choice as it is stored. */
export interface StoredChoice extends Choice {
  id: PublicId;
  /** The subscriber's version that it was made with. */
  version: number;
  updatedBy: string;
  updatedAt: Date;
}

interface Row {
  id: string;
  level: Level;
  key: string;
  channel: ChannelScope;
  value: boolean;
  version: string;
  updated_by: string;
  updated_at: Date;
}

/** All of a subscriber's, who has a thousand at most. Index: preferences_pkey. */
export async function readChoices(db: Queryable, subscriberId: PublicId): Promise<StoredChoice[]> {
  const { rows } = await db.query<Row>({
    text: `SELECT id, level, key, channel, value, version, updated_by, updated_at FROM preferences
           WHERE subscriber_id = $1 ORDER BY level, key, channel`,
    values: [toUuid(subscriberId)],
  });
  return rows.map(({ id, version, updated_by, updated_at, ...choice }) => ({
    ...choice,
    id: fromUuid('prf', id),
    version: Number(version),
    updatedBy: updated_by,
    updatedAt: updated_at,
  }));
}

/** What somebody wants, all of one version. */
export interface ShownPreferences {
  version: number;
  timeZone: string | undefined;
  quietHours: QuietHours | undefined;
  choices: StoredChoice[];
}

interface ShownRow {
  version: string;
  time_zone: string | null;
  quiet_hours: QuietHours | null;
  choices: (Omit<StoredChoice, 'updatedAt'> & { updatedAt: string })[] | null;
}

/**
 * What a subscriber wants. Indexes: subscribers_pkey, preferences_pkey.
 *
 * @returns `undefined` when the tenant has no such subscriber, or has had them erased
 */
export async function readPreferences(
  db: Queryable,
  tenantId: PublicId,
  id: PublicId,
): Promise<ShownPreferences | undefined> {
  // One statement sees one moment: choices of another version would carry the wrong ETag.
  const { rows } = await db.query<ShownRow>({
    text: `SELECT s.preference_version AS version, s.time_zone, s.quiet_hours,
                  (SELECT jsonb_agg(jsonb_build_object('id', p.id, 'level', p.level, 'key', p.key, 'channel', p.channel,
                                                       'value', p.value, 'version', p.version,
                                                       'updatedBy', p.updated_by, 'updatedAt', p.updated_at)
                                    ORDER BY p.level, p.key, p.channel)
                   FROM preferences p WHERE p.subscriber_id = s.id) AS choices
           FROM subscribers s WHERE s.id = $1 AND s.tenant_id = $2 AND s.erased_at IS NULL`,
    values: [toUuid(id), toUuid(tenantId)],
  });
  const [row] = rows;
  if (row === undefined) return undefined;
  return {
    version: Number(row.version),
    timeZone: row.time_zone ?? undefined,
    quietHours: row.quiet_hours ?? undefined,
    choices: (row.choices ?? []).map((choice) => ({
      ...choice,
      id: fromUuid('prf', choice.id),
      updatedAt: new Date(choice.updatedAt),
    })),
  };
}

/** Who changes what, and which version of the subscriber that makes. */
export interface ChoiceWriting {
  subscriberId: PublicId;
  version: number;
  by: string;
  at: Date;
}

/**
 * Stores and removes choices of a subscriber who is locked. Index: preferences_pkey.
 *
 * @returns how many there are afterwards
 */
export async function writeChoices(
  db: Queryable,
  { subscriberId, version, by, at }: ChoiceWriting,
  wish: PreferenceWish,
): Promise<number> {
  const { store, remove, left } = effectOf(await readChoices(db, subscriberId), wish);
  if (remove.length > 0) {
    await db.query({
      text: `DELETE FROM preferences p USING unnest($2::text[], $3::text[], $4::text[]) AS gone(level, key, channel)
             WHERE p.subscriber_id = $1 AND p.level = gone.level AND p.key = gone.key AND p.channel = gone.channel`,
      values: [toUuid(subscriberId), ...placesOf(remove)],
    });
  }
  if (store.length > 0) {
    await db.query({
      text: `INSERT INTO preferences (id, subscriber_id, level, key, channel, value, version, updated_by, updated_at)
             SELECT id, $1, level, key, channel, value, $7, $8, $9
             FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::boolean[]) AS made(id, level, key, channel, value)
             ON CONFLICT (subscriber_id, level, key, channel) DO UPDATE
               SET value = excluded.value, version = $7, updated_by = $8, updated_at = $9`,
      values: [
        toUuid(subscriberId),
        store.map(() => toUuid(newId('prf'))),
        ...placesOf(store),
        store.map(({ value }) => value),
        version,
        by,
        at,
      ],
    });
  }
  return left;
}

/** All of a subscriber's. @returns how many */
export async function deleteChoices(db: Queryable, subscriberId: PublicId): Promise<number> {
  const { rowCount } = await db.query({
    text: 'DELETE FROM preferences WHERE subscriber_id = $1',
    values: [toUuid(subscriberId)],
  });
  return rowCount ?? 0;
}

function placesOf(places: readonly ChoicePlace[]): [string[], string[], string[]] {
  return [places.map(({ level }) => level), places.map(({ key }) => key), places.map(({ channel }) => channel)];
}
