import { clockMs } from '../kit/clock';
import { Connections } from '../kit/connections';
import { BLANK_MARK, writeMark } from '../kit/mark';
import { prepareBody } from '../kit/request';
import type { Stack } from '../kit/stack';
import { emptyLog, type Load, type SendLog } from './load';
import { EVENT_TYPE, type System } from './system';

/** Messages in one request, and requests under way: as many messages as the senders of single ones have, and more. */
const MESSAGES = 100;
const REQUESTS = 8;
const TIMEOUT_MS = 15_000;

const ID = /"message":\{"id":"(\w+)"|"status":(\d+),"problem"/g;

/** Waybill, as a tenant uses it that publishes in batches. */
export function waybillBatches(stack: Stack, single: System, payloadBytes: number): System {
  const connections = new Connections({ port: stack.apiPort, max: REQUESTS, timeoutMs: TIMEOUT_MS });
  const template = Buffer.from(requestText(stack, prepareBody({ eventType: EVENT_TYPE, payloadBytes })));
  const places: number[] = [];
  for (let at = template.indexOf(BLANK_MARK); at !== -1; at = template.indexOf(BLANK_MARK, at + 1)) places.push(at);

  function request(step: number, first: number): Buffer {
    const bytes = Buffer.from(template);
    places.forEach((place, index) => {
      writeMark(bytes, place, step, first + index);
    });
    return bytes;
  }
  return {
    ...single,
    connections,
    request,
    sendMost: (load, _senders, seconds) => sendBatches(load, seconds),
  };
}

function requestText(stack: Stack, message: string): string {
  const body = `[${Array.from({ length: MESSAGES }, () => message).join()}]`;
  const head = [
    'POST /v1/messages/batch HTTP/1.1',
    `host: 127.0.0.1:${stack.apiPort}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    `authorization: Bearer ${stack.adminKey}`,
  ];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}

/** Closed loop: a fixed number of batches under way, for a fixed time. */
async function sendBatches(load: Load, seconds: number): Promise<SendLog> {
  const log = emptyLog();
  const end = clockMs() + seconds * 1_000;
  let sequence = 0;
  const one = async () => {
    while (clockMs() < end && !load.signal.aborted) {
      const first = sequence;
      sequence += MESSAGES;
      await sendBatch(load, log, first);
    }
  };
  await Promise.all(Array.from({ length: REQUESTS }, one));
  load.signal.throwIfAborted();
  return log;
}

function sendBatch(load: Load, log: SendLog, first: number): Promise<void> {
  const sentAt = clockMs();
  for (let index = first; index < first + MESSAGES; index++) {
    log.scheduledAt[index] = sentAt;
    log.sentAt[index] = sentAt;
    log.acceptedAt[index] = 0;
    log.ids[index] = '';
  }
  return new Promise((resolve) => {
    load.connections.send(load.request(load.step, first), (status, body) => {
      const results = status === 200 ? [...body.matchAll(ID)] : [];
      if (results.length === 0) log.refused.set(status, (log.refused.get(status) ?? 0) + MESSAGES);
      results.forEach(([, id, refused], index) => {
        if (id === undefined) log.refused.set(Number(refused), (log.refused.get(Number(refused)) ?? 0) + 1);
        else {
          log.acceptedAt[first + index] = clockMs();
          log.ids[first + index] = id;
          log.accepted++;
        }
      });
      resolve();
    });
  });
}
