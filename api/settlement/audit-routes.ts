import { z } from 'zod';
import { type AuditEntry, type AuditPosition, listAudit } from '../../domains/audit';
import { verifyFinances } from '../../domains/settlement';
import { byNumber, followQuery, pageBody, pageRequest } from '../http/cursor';
import type { DoorContext } from '../http/door';
import { invalidField } from '../http/problems';
import { type Route, route } from '../http/route';
import { moment, momentText, pageQuery, pageSchema } from '../http/schemas';
import { progressOf, progressText } from './verify-cursor';

const TAG = 'Finance audit';
const CURSOR = byNumber('finance-audit');

const hash = z
  .string()
  .regex(/^[0-9a-f]{64}$/, 'expected 64 hex digits')
  .meta({ example: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08' });

const auditEntrySchema = z
  .object({
    seq: z.int().meta({ description: '1, 2, 3, … without a gap.' }),
    at: momentText,
    actor: z.string().meta({ description: "Who: an API key's id, or `settlement`." }),
    action: z.string().meta({ example: 'settlement.completed' }),
    subject: z.string().meta({ description: 'To what: an id, or a business date.' }),
    payload: z.unknown(),
    prevHash: hash.meta({ description: "The previous entry's hash; zeros for the first." }),
    hash: hash.meta({
      description:
        'SHA-256 of the bytes of `prevHash` and the RFC 8785 form of `{action, actor, at, payload, seq, subject, ' +
        'tenantId}`, where `at` is seconds since the epoch with six decimals, as a string.',
    }),
  })
  .meta({ id: 'FinanceAuditEntry' });

const verdictSchema = z
  .object({
    verified: z
      .boolean()
      .nullable()
      .meta({ description: 'Null while nothing was found and something is left to look at: see `next`.' }),
    entries: z.int().meta({ description: 'How many entries of the log are valid, from the first on.' }),
    head: z
      .object({ seq: z.int(), hash })
      .nullable()
      .meta({ description: 'The last valid entry. Store it elsewhere, and verify with it later.' }),
    brokenAt: z.int().nullable().meta({ description: 'The first entry that was changed or is missing.' }),
    findings: z
      .array(
        z.object({
          seq: z.int().nullable().meta({ description: 'The entry that it is about.' }),
          subject: z.string().meta({ description: "`entry`, or a settlement's id.", example: 'entry' }),
          problem: z.string().meta({ example: 'changed' }),
        }),
      )
      .meta({ description: 'What this request found, a hundred at most.' }),
    next: z
      .string()
      .nullable()
      .meta({ description: 'Pass it as `next` to go on; null when everything was looked at.' }),
  })
  .meta({ id: 'FinanceAuditVerdict' });

const verifyQuery = z.strictObject({
  seq: z.coerce
    .number()
    .int()
    .min(1)
    .optional()
    .meta({ description: 'The number of an entry that is known to have existed.' }),
  hash: hash.optional().meta({
    description:
      'Its hash: `audit` of an event `settlement.completed`, or `head` of an earlier answer. It holds also against ' +
      'somebody who can change every table.',
  }),
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(1_000_000)
    .optional()
    .meta({ description: 'Stop after so many entries. A request stops after about five seconds anyway.' }),
  next: z.string().max(2_000).optional().meta({ description: 'From the answer to go on from.' }),
});

export function auditRoutes({ reads }: Pick<DoorContext, 'reads'>): Route[] {
  return [
    route({
      method: 'get',
      path: '/api/v2/finance/settlement/audit',
      operationId: 'listFinanceAudit',
      tag: TAG,
      summary: 'List the finance audit log, newest first',
      scope: 'finance:read',
      query: z.strictObject({ ...pageQuery, ...followQuery }),
      responses: { 200: { description: 'A page of entries.', body: pageSchema('FinanceAuditPage', auditEntrySchema) } },
      handler: async ({ query }, { tenantId }) => {
        const request = pageRequest(CURSOR, query, 'desc');
        const page = await listAudit(reads, tenantId, request);
        return { status: 200, body: pageBody(CURSOR, request, page, entryView) };
      },
    }),
    route({
      method: 'get',
      path: '/api/v2/finance/settlement/audit/verify',
      operationId: 'verifyFinanceAudit',
      tag: TAG,
      summary: 'Verify the audit log, and every settled day against it',
      description:
        'The log is whole and ends where it last ended; each settled day has the statements, transactions and reserves ' +
        'that it had when it was completed, and they add up to each other and to the ledger. Repeat with `next` until ' +
        'it is null: a long log takes several requests.',
      scope: 'finance:read',
      query: verifyQuery,
      responses: { 200: { description: 'The verdict.', body: verdictSchema } },
      handler: async ({ query }, { tenantId }) => {
        const request = { expected: expectedOf(query), progress: progressOf(query.next), limit: query.limit };
        const { head, brokenAt, next, ...verdict } = await verifyFinances({ pool: reads }, tenantId, request);
        return {
          status: 200,
          body: {
            ...verdict,
            head: head ?? null,
            brokenAt: brokenAt ?? null,
            next: next === undefined ? null : progressText(next),
          },
        };
      },
    }),
  ];
}

function expectedOf({ seq, hash: expected }: z.output<typeof verifyQuery>): AuditPosition | undefined {
  if (seq === undefined && expected === undefined) return undefined;
  if (seq === undefined) throw invalidField('query', '#/seq', 'is required with hash');
  if (expected === undefined) throw invalidField('query', '#/hash', 'is required with seq');
  return { seq, hash: Buffer.from(expected, 'hex') };
}

function entryView(entry: AuditEntry): z.input<typeof auditEntrySchema> {
  return {
    seq: entry.seq,
    at: moment(entry.at),
    actor: entry.actor,
    action: entry.action,
    subject: entry.subject,
    payload: entry.payload,
    prevHash: entry.prevHash,
    hash: entry.hash,
  };
}
