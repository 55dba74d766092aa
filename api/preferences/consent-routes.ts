import { z } from 'zod';
import {
  type ConsentEntry,
  findSubscriber,
  listConsent,
  openEvidence,
  type Subscriber,
  verifyConsent,
} from '../../domains/preferences';
import { byNumber, followQuery, pageBody, pageRequest } from '../http/cursor';
import type { DoorContext } from '../http/door';
import { invalidField, Problem } from '../http/problems';
import { type Route, route } from '../http/route';
import { integerText, moment, momentText, pageQuery, pageSchema } from '../http/schemas';
import { subscriberParams } from './shared-schemas';

const TAG = 'Consent';
const CURSOR = byNumber('consent');
const PATH = '/v1/subscribers/{id}/consent';

const hash = z
  .string()
  .regex(/^[0-9a-f]{64}$/, 'expected 64 hex digits')
  .meta({ example: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08' });

const entrySchema = z
  .object({
    seq: z.int().meta({ description: '1, 2, 3, … without a gap.' }),
    at: momentText,
    actor: z.string().meta({ description: 'Who did it: an API key, `one_click`, or a provider.' }),
    action: z.string().meta({ description: 'What was done.', example: 'opt_out' }),
    subject: z.string().meta({ description: 'The change that it belongs to.' }),
    payload: z.unknown().meta({ description: 'What exactly, as it is hashed: it names nobody.' }),
    evidence: z
      .record(z.string(), z.string())
      .nullable()
      .meta({ description: 'What shows that they wanted it; null without any, and once they are erased.' }),
    prevHash: hash.meta({ description: "The previous entry's hash; zeros for the first." }),
    hash: hash.meta({
      description:
        'SHA-256 of the bytes of `prevHash` and the RFC 8785 form of `{action, actor, at, payload, seq, subject, ' +
        'tenantId}`, where `at` is seconds since the epoch with six decimals, as a string.',
    }),
  })
  .meta({ id: 'ConsentEntry' });

const verdictSchema = z
  .object({
    verified: z.boolean().meta({ description: 'Whether every entry is as it was written, and none is missing.' }),
    entries: z.int().meta({ description: 'How many entries are valid, from the first on.' }),
    head: z
      .object({ seq: z.int(), hash })
      .nullable()
      .meta({ description: 'The last valid entry. Store it elsewhere, and verify with it later.' }),
    brokenAt: z
      .int()
      .nullable()
      .meta({ description: 'The first entry that was changed, or is missing; null if none.' }),
    problem: z
      .enum(['changed', 'missing', 'wrong-end'])
      .nullable()
      .meta({ description: 'What is wrong there; `wrong-end`: the end is not one that Waybill has made.' }),
  })
  .meta({ id: 'ConsentVerdict' });

const verifyQuery = z.strictObject({
  seq: integerText({
    min: 1,
    max: Number.MAX_SAFE_INTEGER,
    description: 'The number of an entry that is known to have existed.',
  }).optional(),
  hash: hash.optional().meta({
    description:
      'Its hash, from `head` of an earlier answer. It holds also against somebody who can change every table.',
  }),
});

export function consentRoutes(context: DoorContext): Route[] {
  const { reads } = context;
  return [
    route({
      method: 'get',
      path: PATH,
      operationId: 'listConsent',
      tag: TAG,
      summary: 'List what somebody has agreed to and refused, newest first',
      description: 'Also of somebody who was erased: the entries name nobody.',
      scope: 'preferences:read',
      params: subscriberParams,
      query: z.strictObject({ ...pageQuery, ...followQuery }),
      responses: { 200: { description: 'A page of entries.', body: pageSchema('ConsentPage', entrySchema) } },
      handler: async ({ params, query }, { tenantId }) => {
        const subscriber = await findSubscriber(reads, tenantId, params.id);
        if (subscriber === undefined) throw new Problem('not-found');
        const request = pageRequest(CURSOR, query, 'desc');
        const page = await listConsent(reads, params.id, request);
        return { status: 200, body: pageBody(CURSOR, request, page, (entry) => entryView(context, subscriber, entry)) };
      },
    }),
    route({
      method: 'get',
      path: `${PATH}/verify`,
      operationId: 'verifyConsent',
      tag: TAG,
      summary: "Verify a subscriber's consent log",
      description:
        'Every entry is the one that was written after the one before, and the log ends where it last ended.',
      scope: 'preferences:read',
      params: subscriberParams,
      query: verifyQuery,
      responses: { 200: { description: 'The verdict.', body: verdictSchema } },
      handler: async ({ params, query }, { tenantId }) => {
        const { head, brokenAt, problem, ...verdict } = await verifyConsent(
          context,
          tenantId,
          params.id,
          expectedOf(query),
        );
        return {
          status: 200,
          body: {
            ...verdict,
            head: head === undefined ? null : { seq: head.seq, hash: head.hash.toString('hex') },
            brokenAt: brokenAt ?? null,
            problem: problem ?? null,
          },
        };
      },
    }),
  ];
}

function expectedOf({ seq, hash: expected }: z.output<typeof verifyQuery>) {
  if (seq === undefined && expected === undefined) return undefined;
  if (seq === undefined) throw invalidField('query', '#/seq', 'is required with hash');
  if (expected === undefined) throw invalidField('query', '#/hash', 'is required with seq');
  return { seq, hash: Buffer.from(expected, 'hex') };
}

function entryView(
  context: Pick<DoorContext, 'keyring'>,
  subscriber: Subscriber,
  entry: ConsentEntry,
): z.input<typeof entrySchema> {
  const { seq, at, actor, action, subject, payload, prevHash, hash: ownHash } = entry;
  const evidence = openEvidence(context, subscriber, entry) ?? null;
  return { seq, at: moment(at), actor, action, subject, payload, evidence, prevHash, hash: ownHash };
}
