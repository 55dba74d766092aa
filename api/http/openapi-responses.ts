import type { ResponseConfig } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';
import { headersOfAnswer } from './openapi-headers';
import { PROBLEM_PAGE, PROBLEM_TYPE, PROBLEMS, type ProblemCode } from './problems';
import { type Route, takesBody } from './route';

export const problemSchema = z
  .object({
    type: z
      .string()
      .meta({ description: 'Where this kind of error is explained.', example: `${PROBLEM_PAGE}#not-found` }),
    title: z
      .string()
      .meta({ description: 'What kind of error it is, in words.', example: PROBLEMS['not-found'].title }),
    status: z.int().meta({ description: 'The status of the answer.', example: 404 }),
    detail: z.string().meta({ description: 'What to do about it.', example: PROBLEMS['not-found'].help }),
    instance: z.string().meta({ description: 'The requested path.', example: '/v1/endpoints/ep_0' }),
    request_id: z
      .string()
      .meta({ description: 'Names the request in the logs.', example: '051686c6-7db1-44f0-9a60-940eb23f90fe' }),
    errors: z
      .array(
        z
          .object({
            in: z.enum(['body', 'query', 'header', 'path']).meta({ description: 'The part of the request.' }),
            pointer: z.string().meta({ description: 'JSON Pointer as a URI fragment.', example: '#/retry/schedule/0' }),
            detail: z.string().meta({ description: 'What is wrong with the value.', example: 'is required' }),
          })
          .meta({ id: 'FieldError', description: 'One value that is wrong.' }),
      )
      .optional()
      .meta({ description: 'What is wrong with which value; at most 50.' }),
  })
  .meta({ id: 'Problem', description: 'An error in the form of RFC 9457.' });

const REPLAYED = { 'Idempotent-Replayed': '`true` on the repeated answer to an earlier request with the same key.' };

/** Whether the adapter handles idempotency keys for this route. */
export function repeats({ idempotency }: Pick<Route, 'idempotency'>): boolean {
  return idempotency === 'required' || idempotency === 'optional' || idempotency === 'kept';
}

/** Every answer that a route may give. */
export function responsesOf(route: Route): Record<string, ResponseConfig> {
  const own = successesOf(route);
  const problems = problemsOf(route);
  // A page may say that nothing is there, and a door refuse in its own form.
  const both = Object.entries(own).flatMap(([status, answer]) => {
    const problem = problems[status];
    return problem === undefined
      ? []
      : [[status, { ...answer, content: { ...answer.content, ...problem.content } }] as const];
  });
  return { ...own, ...problems, ...Object.fromEntries(both) };
}

function successesOf(route: Route): Record<string, ResponseConfig> {
  return Object.fromEntries(
    Object.entries(route.responses).map(([status, { description, body, contentType, formats, headers }]) => [
      status,
      {
        description,
        ...(body === undefined ? {} : { content: { [contentType ?? 'application/json']: { schema: body } } }),
        ...(formats === undefined ? {} : { content: contentOf(formats) }),
        headers: headersOfAnswer(route, [], { ...headers, ...(repeats(route) ? REPLAYED : {}) }),
      },
    ]),
  );
}

function contentOf(formats: Readonly<Record<string, z.ZodType>>) {
  return Object.fromEntries(Object.entries(formats).map(([type, schema]) => [type, { schema }]));
}

/** Every error that a route may answer with, one entry per status. */
function problemsOf(route: Route): Record<string, ResponseConfig> {
  const repeated = new Set<number>(repeats(route) ? route.problems?.map((code) => PROBLEMS[code].status) : []);
  const byStatus = new Map<number, ProblemCode[]>();
  for (const code of new Set(codesOf(route))) {
    const { status } = PROBLEMS[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, kinds]) => [
      String(status),
      {
        description: kinds.map((code) => `\`${code}\`: ${PROBLEMS[code].title}`).join('; '),
        content: { [PROBLEM_TYPE]: { schema: problemSchema } },
        headers: headersOfAnswer(route, kinds, repeated.has(status) ? REPLAYED : {}),
      },
    ]),
  );
}

function codesOf(route: Route): ProblemCode[] {
  const codes: ProblemCode[] = [
    'malformed-request',
    'request-timeout',
    'uri-too-long',
    'expectation-failed',
    'headers-too-large',
    'internal-error',
  ];
  if (route.scope !== undefined)
    codes.push('unauthenticated', 'insufficient-scope', 'rate-limited', 'unavailable', 'validation-failed');
  if (route.params !== undefined) codes.push('not-found');
  if (route.headers !== undefined) codes.push('invalid-header');
  if (route.headers?.shape['if-match'] !== undefined) codes.push('precondition-failed');
  if (takesBody(route)) codes.push('malformed-json', 'duplicate-member', 'content-too-large', 'unsupported-media-type');
  if (route.idempotency === 'required' || route.idempotency === 'kept') codes.push('idempotency-key-missing');
  if (repeats(route)) codes.push('idempotency-key-malformed', 'idempotency-key-reuse');
  if (repeats(route) && route.idempotency !== 'kept') codes.push('idempotency-key-in-use');
  return [...codes, ...(route.problems ?? [])];
}
