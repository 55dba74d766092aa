import { isUtf8 } from 'node:buffer';
import { afterSpace, endOfValue, JsonTextError, mustEnd } from '../../../core/json/scan';

/** As deep as a published payload may be. */
const MAX_DEPTH = 100;

/**
 * What endpoints get of an event: the body as it came if it is JSON; otherwise an object that holds it, as text where it
 * is UTF-8 and else in base64, with its type as it was declared.
 *
 * @returns the text of a JSON value
 */
export function payloadOf(body: Buffer, contentType: string | undefined): string {
  if (isUtf8(body)) {
    const text = body.toString();
    return isJson(text) ? text : wrapped('utf-8', text, contentType);
  }
  return wrapped('base64', body.toString('base64'), contentType);
}

function isJson(text: string): boolean {
  try {
    mustEnd(text, endOfValue(text, afterSpace(text, 0), { maxDepth: MAX_DEPTH }));
    return true;
  } catch (error) {
    if (error instanceof JsonTextError) return false;
    throw error;
  }
}

function wrapped(encoding: 'utf-8' | 'base64', body: string, contentType = 'application/octet-stream'): string {
  return JSON.stringify({ contentType, encoding, body });
}
