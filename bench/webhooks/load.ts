import { clockMs } from '../kit/clock';
import type { Connections } from '../kit/connections';
import type { RequestMaker } from '../kit/request';

/** The outcomes of one step's messages, by sequence number. Times are of {@link clockMs}; 0 means never. */
export interface SendLog {
  /** When a message was due. */
  scheduledAt: number[];
  /** When its request was handed to a connection or queued for one: later only by the generator's own timer. */
  sentAt: number[];
  /** When its 202 arrived. */
  acceptedAt: number[];
  /** The message's id in the 202. */
  ids: string[];
  accepted: number;
  /** Other answers, by status; 0 means no answer. */
  refused: Map<number, number>;
}

export interface Load {
  connections: Connections;
  request: RequestMaker;
  step: number;
  signal: AbortSignal;
  /** How long after the last message to wait for answers; by default as long as a connection does. */
  answersWithinMs?: number;
  /** Told of each 202 with its body. */
  onAccepted?(sequence: number, body: string): void;
}

const ID = /"id":"(\w+)"/;
const ANSWERS_WITHIN_MS = 15_000;

/**
 * Open loop: messages at a constant rate, whatever happens to earlier ones. A message's time counts from when it was
 * due, so a server that stalls cannot slow the load down.
 */
export async function sendAtRate(load: Load, perSecond: number, seconds: number): Promise<SendLog> {
  const log = emptyLog();
  const total = Math.round(perSecond * seconds);
  const interval = 1_000 / perSecond;
  const beginning = clockMs() + 5;
  await new Promise<void>((resolve, reject) => {
    let sequence = 0;
    let answered = 0;
    let deadline: NodeJS.Timeout | undefined;
    const done = () => {
      answered++;
      if (answered < total) return;
      clearTimeout(deadline);
      resolve();
    };
    const tick = () => {
      if (load.signal.aborted) {
        reject(load.signal.reason);
        return;
      }
      for (const now = clockMs(); sequence < total && beginning + sequence * interval <= now; sequence++) {
        send({ load, log, sequence, scheduledAt: beginning + sequence * interval, done });
      }
      if (sequence < total) setTimeout(tick, beginning + sequence * interval - clockMs());
      else deadline = setTimeout(resolve, load.answersWithinMs ?? ANSWERS_WITHIN_MS);
    };
    tick();
  });
  return log;
}

/** Closed loop: a fixed number of senders, each with one message under way, for a fixed time. */
export async function sendAtMost(load: Load, senders: number, seconds: number): Promise<SendLog> {
  const log = emptyLog();
  const end = clockMs() + seconds * 1_000;
  let sequence = 0;
  const one = () =>
    new Promise<void>((resolve) => {
      const next = () => {
        const now = clockMs();
        if (now >= end || load.signal.aborted) resolve();
        else send({ load, log, sequence: sequence++, scheduledAt: now, done: next });
      };
      next();
    });
  await Promise.all(Array.from({ length: senders }, one));
  load.signal.throwIfAborted();
  return log;
}

export function emptyLog(): SendLog {
  return { scheduledAt: [], sentAt: [], acceptedAt: [], ids: [], accepted: 0, refused: new Map() };
}

interface Sending {
  load: Load;
  log: SendLog;
  sequence: number;
  /** When it was due to be sent. */
  scheduledAt: number;
  done: () => void;
}

function send({ load, log, sequence, scheduledAt, done }: Sending): void {
  log.scheduledAt[sequence] = scheduledAt;
  log.sentAt[sequence] = clockMs();
  log.acceptedAt[sequence] = 0;
  log.ids[sequence] = '';
  load.connections.send(load.request(load.step, sequence), (status, body) => {
    if (status === 202) {
      log.acceptedAt[sequence] = clockMs();
      log.ids[sequence] = ID.exec(body)?.[1] ?? '';
      log.accepted++;
      load.onAccepted?.(sequence, body);
    } else log.refused.set(status, (log.refused.get(status) ?? 0) + 1);
    done();
  });
}
