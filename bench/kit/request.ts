import { BLANK_MARK, writeMark } from './mark';

export interface RequestOptions {
  port: number;
  path: string;
  /** API key, where one is needed. */
  key?: string;
  eventType: string;
  /** Bytes of the message's payload as JSON. */
  payloadBytes: number;
  /** Gives each message an event id with this prefix; publishing it again is then a duplicate. */
  eventIdPrefix?: string;
}

/** Makes the bytes of the publish request of a message. */
export type RequestMaker = (step: number, sequence: number) => Buffer;

/** Prepares publish requests: all bytes but the mark are written once. */
export function prepareRequests(options: RequestOptions): RequestMaker {
  const body = prepareBody(options);
  const lines = [
    `POST ${options.path} HTTP/1.1`,
    `host: 127.0.0.1:${options.port}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    ...(options.key === undefined ? [] : [`authorization: Bearer ${options.key}`]),
  ];
  const template = Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`);
  const places = placesOf(template);
  return (step, sequence) => {
    const request = Buffer.from(template);
    for (const place of places) writeMark(request, place, step, sequence);
    return request;
  };
}

/** The body of a publish request, with blank marks. */
export function prepareBody(options: Pick<RequestOptions, 'eventType' | 'payloadBytes' | 'eventIdPrefix'>): string {
  const empty = `{"mark":"${BLANK_MARK}","filler":""}`;
  const filler = fill(Math.max(0, options.payloadBytes - empty.length));
  const eventId = options.eventIdPrefix === undefined ? '' : `"eventId":"${options.eventIdPrefix}${BLANK_MARK}",`;
  const payload = `{"mark":"${BLANK_MARK}","filler":"${filler}"}`;
  return `{"eventType":"${options.eventType}",${eventId}"payload":${payload}}`;
}

function placesOf(template: Buffer): number[] {
  const places: number[] = [];
  for (let at = template.indexOf(BLANK_MARK); at !== -1; at = template.indexOf(BLANK_MARK, at + 1)) places.push(at);
  return places;
}

/** Text that reads like an order's lines, so that any compression works as it would in production. */
function fill(length: number): string {
  const line = (index: number) =>
    `item ${index * 7_919} x ${(index % 9) + 1} at ${((index * 104_729) % 99_991) / 100} EUR; `;
  let text = '';
  for (let index = 1; text.length < length; index++) text += line(index);
  return text.slice(0, length);
}
