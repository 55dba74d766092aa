import { grouped } from '../../../core/grouped';
import type { BatchEntry, Publisher, PublishInput } from '../../../domains/webhooks';
import { problemOf } from '../../http/failures';
import { parseJsonBody } from '../../http/json-body';
import { Problem, problemBody } from '../../http/problems';
import type { TenantContext } from '../../http/route';
import { fieldErrors } from '../../http/validation';
import { accepted } from './accepted';
import type { BatchResult } from './batch-schemas';
import { newMessageSchema, publishedView, publishInput } from './schemas';

export interface BatchTerms {
  context: Pick<TenantContext, 'tenantId' | 'requestId' | 'log'>;
  /** The `Idempotency-Key` of the whole request. */
  idempotencyKey: string | undefined;
  /** Most bytes of one message. */
  maxBytes: number;
  path: string;
  workflowUrl(workflowId: string): string;
}

/** One message of a batch. Whatever is wrong with it is in its result, so that the others are not concerned. */
export function batchEntry(terms: BatchTerms, text: string, index: number): BatchEntry<BatchResult> {
  return {
    size: text.length,
    publish: async (publisher) => {
      try {
        return await publishOne(publisher, terms, { text, index });
      } catch (error) {
        return refused(terms, index, error);
      }
    },
  };
}

async function publishOne(
  publisher: Pick<Publisher, 'publish'>,
  { context, idempotencyKey, maxBytes, workflowUrl }: BatchTerms,
  { text, index }: { text: string; index: number },
): Promise<BatchResult> {
  refuseLarge(text, maxBytes);
  const value = parseJsonBody(text, ['payload'], 'message');
  const parsed = newMessageSchema.safeParse(value);
  if (!parsed.success) {
    throw new Problem('validation-failed', { errors: fieldErrors('body', parsed.error, value) });
  }
  const message = parsed.data;
  // A space is in no key that a request can have, so a message's key is never another request's.
  const key = idempotencyKey === undefined ? undefined : `${idempotencyKey} ${index}`;
  const input: PublishInput = publishInput(context.tenantId, message, key);
  const result = accepted(await publisher.publish(input));
  return { index, status: 202, message: publishedView(result, message, workflowUrl) };
}

function refuseLarge(text: string, maxBytes: number): void {
  const bytes = Buffer.byteLength(text);
  if (bytes <= maxBytes) return;
  const detail = `A message may have ${grouped(maxBytes)} bytes; this one has ${grouped(bytes)}.`;
  throw new Problem('content-too-large', { detail });
}

function refused({ context, path }: BatchTerms, index: number, error: unknown): BatchResult {
  const problem = placed(problemOf(error), index);
  if (problem.status >= 500) context.log.error({ err: error, index }, problem.message);
  return { index, status: problem.status, problem: JSON.parse(problemBody(problem, path, context.requestId)) };
}

/** The problem as it is seen from the whole batch. */
function placed(problem: Problem, index: number): Problem {
  const errors = problem.options.errors?.map((error) =>
    error.in === 'body' ? { ...error, pointer: `#/${index}${error.pointer.slice(1)}` } : error,
  );
  return errors === undefined ? problem : new Problem(problem.code, { ...problem.options, errors });
}
