import { z } from 'zod';
import {
  doneOf,
  etaSeconds,
  REPLAY_STATES,
  REPLAYABLE_STATES,
  type Replay,
  type ReplayCount,
  replayWorkflowId,
} from '../../../domains/webhooks';
import type { DoorContext } from '../../http/door';
import {
  idSchema,
  moment,
  momentOrNull,
  momentSchema,
  momentText,
  nonEmptyText,
  pageQuery,
  pageSchema,
} from '../../http/schemas';
import { deadLetterReason, statusClass } from '../dead-letters/schemas';
import { eventTypePattern } from '../event-schemas';

const MAX_EVENT_TYPES = 50;

const states = z
  .array(z.enum(REPLAYABLE_STATES))
  .min(1)
  .max(REPLAYABLE_STATES.length)
  .default(['dead'])
  .meta({
    description:
      'Which: `dead` (given up, the dead letter is open; the default), `discarded` (its dead letter was discarded), ' +
      '`cancelled`, `retrying` (its next attempt is made now), `delivered` (the receiver gets them once more).',
    example: ['dead'],
  });
const eventTypes = z
  .array(eventTypePattern)
  .max(MAX_EVENT_TYPES)
  .default([])
  .meta({ description: 'Exact event types, `prefix.*` or `*`. Empty for all.' });
const since = momentSchema.meta({ description: 'Deliveries of messages that were accepted at this moment or later.' });
const until = momentSchema.meta({ description: 'Deliveries of messages that were accepted before this moment.' });
const ratePerSecond = z
  .int()
  .min(1)
  .max(100_000)
  .optional()
  .meta({ description: 'At most so many a second. Without it, as many as each endpoint takes.', example: 100 });
const dryRun = z
  .boolean()
  .default(false)
  .meta({ description: 'Whether only to count: the answer is 200 and nothing is changed.' });

const RECOVER_EXAMPLE = { since: '2030-01-31T12:00:00Z' };

export const recoverSchema = z
  .strictObject({ since, until: until.optional(), states, eventTypes, ratePerSecond, dryRun })
  .meta({ id: 'EndpointRecovery', example: RECOVER_EXAMPLE });

export const newReplaySchema = z
  .strictObject({
    endpointId: idSchema('ep').optional(),
    since: since.optional(),
    until: until.optional(),
    states,
    eventTypes,
    ratePerSecond,
    dryRun,
  })
  .meta({ id: 'NewReplay', example: { ...RECOVER_EXAMPLE, eventTypes: ['order.*'], ratePerSecond: 100 } });

const deadLetterFilter = z
  .strictObject({
    endpointId: idSchema('ep').optional(),
    eventTypes,
    reason: deadLetterReason.optional(),
    statusClass: statusClass.optional(),
    since: momentSchema.optional().meta({ description: 'Given up at this moment or later.' }),
    until: momentSchema.optional().meta({ description: 'Given up before this moment.' }),
  })
  .meta({ description: 'Which open dead letters; empty for all.', id: 'DeadLetterFilter' });

const FILTER_EXAMPLE = { eventTypes: ['order.created'], statusClass: '5xx' };

export const retryManySchema = z
  .strictObject({ filter: deadLetterFilter, ratePerSecond, dryRun })
  .meta({ id: 'DeadLettersRetry', example: { filter: FILTER_EXAMPLE } });

export const discardManySchema = z
  .strictObject({
    filter: deadLetterFilter,
    reason: nonEmptyText(500).meta({ description: 'Why, for the audit log.' }),
    dryRun,
  })
  .meta({ id: 'DeadLettersDiscard', example: { filter: FILTER_EXAMPLE, reason: 'Sent by hand on 3 May' } });

export type DeadLetterSelection = z.output<typeof deadLetterFilter>;

export const replayCountSchema = z
  .object({
    count: z.int().meta({ description: 'How many there are now.' }),
    complete: z
      .boolean()
      .meta({ description: 'Whether all were counted within three seconds; otherwise there are more.' }),
  })
  .meta({ id: 'ReplayCount' });

const replayFields = {
  id: idSchema('rpl'),
  action: z.enum(['replay', 'discard']).meta({ description: 'What is done with them.' }),
  state: z.enum(REPLAY_STATES).meta({
    description:
      '`preparing`: they are counted; `running`; `paused`; `completed`: each was attempted once at least, or is held for ' +
      'its endpoint; `cancelling`: what it reopened, and was not attempted since, goes back; `cancelled`.',
  }),
  source: z.enum(['deliveries', 'dead-letters']).meta({ description: 'What the filter is about, and its times.' }),
  endpointId: idSchema('ep').nullable().meta({ description: 'The only endpoint; null for all.' }),
  eventTypes: z.array(z.string()).meta({ description: 'Of which event types; empty for all.' }),
  states: z.array(z.string()).meta({ description: 'Where the deliveries were.' }),
  deadLetterReason: z.string().nullable().meta({ description: 'Why they were given up; null for any reason.' }),
  statusClass: z.string().nullable().meta({ description: "The last answers' status; null for any." }),
  since: momentText.nullable().meta({ description: 'From this moment on; null without a bound.' }),
  until: momentText.nullable().meta({ description: 'Before this moment; null without a bound.' }),
  ratePerSecond: z.int().nullable().meta({ description: 'At most so many a second; null: no limit.' }),
  reason: z.string().nullable().meta({ description: 'Why they are discarded; null for a replay.' }),
  total: z.int().nullable().meta({ description: 'How many there were; null while they are counted.' }),
  done: z.int().meta({ description: 'Attempted again since, held, discarded or skipped.' }),
  moved: z.int().meta({ description: 'Reopened, or discarded.' }),
  skipped: z.int().meta({
    description: 'Left alone: they changed meanwhile, their content has expired, or their endpoint was disabled.',
  }),
  waiting: z.int().meta({ description: 'Reopened, but not attempted since.' }),
  returned: z.int().meta({
    description: 'Reopened, but back where they were (`dead` with the dead letter open, and so on): it was cancelled.',
  }),
  currentRate: z.number().nullable().meta({ description: 'Done a second lately; null while nobody knows.' }),
  etaSeconds: z
    .int()
    .nullable()
    .meta({ description: 'How long it still takes at that rate; null while nobody knows.' }),
  createdBy: z.string().meta({ description: 'The API key that asked for it.' }),
  createdAt: momentText,
  updatedAt: momentText,
  endedAt: momentText.nullable().meta({ description: 'When it was completed or cancelled; null until then.' }),
  workflowId: z.string(),
  workflowUrl: z.string(),
};

export const replaySchema = z.object(replayFields).meta({ id: 'Replay' });
export const replayDetailSchema = z
  .object({
    ...replayFields,
    outcomes: z
      .object({
        delivered: z.int().meta({ description: 'Delivered since.' }),
        retrying: z.int().meta({ description: 'Waiting for an attempt.' }),
        held: z.int().meta({ description: 'Held for their endpoint.' }),
        dead: z.int().meta({ description: 'Given up again.' }),
        cancelled: z.int().meta({ description: 'Cancelled since.' }),
      })
      .meta({
        description:
          'Where the deliveries are now that this replay was the last to reopen, each counted up to a million.',
      }),
  })
  .meta({ id: 'ReplayDetail' });
export const replayPageSchema = pageSchema('ReplayPage', replaySchema);
export const replayParams = z.object({ id: idSchema('rpl') });
export const replayQuery = z.strictObject({ ...pageQuery, state: z.enum(REPLAY_STATES).optional() });

/** A replay as answers show it. */
export function replayView(replay: Replay, workflowUrl: DoorContext['workflowUrl']): z.input<typeof replaySchema> {
  const { filter, moved, skipped, waiting, returned, rate } = replay;
  const workflowId = replayWorkflowId(replay.id);
  return {
    id: replay.id,
    action: replay.action,
    state: replay.state,
    source: replay.source,
    endpointId: replay.endpointId ?? null,
    eventTypes: filter.eventTypes,
    states: filter.states,
    deadLetterReason: filter.reason ?? null,
    statusClass: filter.statusClass ?? null,
    since: filter.since ?? null,
    until: filter.until ?? null,
    ratePerSecond: replay.rateLimit ?? null,
    reason: replay.reason ?? null,
    total: replay.total ?? null,
    done: doneOf(replay),
    moved,
    skipped,
    waiting,
    returned,
    currentRate: rate === undefined ? null : Math.round(Math.max(0, rate) * 10) / 10,
    etaSeconds: etaSeconds(replay) ?? null,
    createdBy: replay.actor,
    createdAt: moment(replay.createdAt),
    updatedAt: moment(replay.updatedAt),
    endedAt: momentOrNull(replay.endedAt),
    workflowId,
    workflowUrl: workflowUrl(workflowId),
  };
}

/** A replay with what has become of its deliveries. */
export function replayDetail(
  replay: Replay,
  outcomes: Readonly<Record<string, number>>,
  workflowUrl: DoorContext['workflowUrl'],
): z.input<typeof replayDetailSchema> {
  const { delivered = 0, retrying = 0, held = 0, dead = 0, cancelled = 0 } = outcomes;
  return { ...replayView(replay, workflowUrl), outcomes: { delivered, retrying, held, dead, cancelled } };
}

/** The answer to a dry run. */
export function countView({ count, complete }: ReplayCount): z.input<typeof replayCountSchema> {
  return { count, complete };
}
