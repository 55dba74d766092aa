import Ajv2020, { type ValidateFunction } from 'ajv/dist/2020';
import addFormats from 'ajv-formats';
import type { Pool } from 'pg';
import { z } from 'zod';
import { DOORS } from '../../api/routes';

/** Marks an event that a test made up, to see how it is stored. */
export const MADE_UP = { madeUp: true };

const ajv = new Ajv2020({ strict: false, allErrors: true, validateSchema: false });
addFormats(ajv);
const validators = new Map<string, ValidateFunction>();

function validatorOf(type: string): ValidateFunction | undefined {
  const described = DOORS.map(({ events }) => events?.[type]).find((one) => one !== undefined);
  if (described === undefined) return undefined;
  let validate = validators.get(type);
  if (validate === undefined) {
    // As it comes out, an object has what is described and nothing else.
    validate = ajv.compile(z.toJSONSchema(described.data, { io: 'output' }));
    validators.set(type, validate);
  }
  return validate;
}

/**
 * Holds every event of Waybill's own that a test has brought about to what the document says of its type.
 *
 * @returns what differs
 */
export async function eventsUnlikeTheDocument(pool: Pool): Promise<string[]> {
  const types = DOORS.flatMap(({ events }) => Object.keys(events ?? {}));
  const { rows } = await pool.query<{ event_type: string; body: string }>(
    'SELECT event_type, body FROM messages WHERE event_type = ANY ($1) AND body IS NOT NULL LIMIT 1000',
    [types],
  );
  return rows.flatMap(({ event_type: type, body }) => {
    const { data } = JSON.parse(body) as { data: object };
    const validate = validatorOf(type);
    if (validate === undefined || 'madeUp' in data || validate(data)) return [];
    return [`${type}: ${ajv.errorsText(validate.errors)} in ${body}`];
  });
}
