import type { PublicId } from '../../../core/ids';
import type { Keyring } from '../../../infra/keyring';
import type { Platform } from '../../../infra/platform/platform';
import { preferencesConfig } from '../config';
import { exportWriter } from '../rules/export-text';
import { subscriberKey } from '../sealing';
import { appendPiece, type ExportPosition, findExport, piecePlace, type SubscriberExport } from '../store/exports';
import { findSubscriber, type Subscriber } from '../store/subscribers';
import type { HeldPart } from './held-part';

/** A call ends after so long, so that its workflow shows how far it has got. */
const ROUND_MS = 20_000;

/** How far an export has got. */
export interface ExportReport {
  /** `gone`: the subscriber was erased, or it has expired. */
  state: 'collecting' | 'ready' | 'gone';
  counts: Record<string, number>;
  bytes: number;
}

const GONE: ExportReport = { state: 'gone', counts: {}, bytes: 0 };

/**
 * Collects some of an export, page by page: each page is a piece, sealed with the subscriber's key and stored with where the
 * next begins, so that whoever goes on after a crash begins there. Two who collect the same export do not disturb each other.
 *
 * @param parts - what there is of everything held, in the order of the export
 * @param beat - says that it is alive; called after every piece
 */
export async function collectExport(
  platform: Platform,
  id: PublicId,
  parts: readonly HeldPart[],
  beat: () => void,
): Promise<ExportReport> {
  const { pool, keyring, settings } = platform;
  const { WAYBILL_EXPORT_TTL: ttlMs } = settings.of(preferencesConfig);
  const until = performance.now() + ROUND_MS;
  for (;;) {
    const job = await findExport(pool, id);
    if (job === undefined || job.state === 'expired') return GONE;
    const { state, counts, bytes, tenantId, subscriberId } = job;
    if (state === 'ready' || performance.now() > until) return { state, counts, bytes };
    const subscriber = await findSubscriber(pool, tenantId, subscriberId);
    const ring = subscriber && subscriberKey(keyring, subscriber);
    if (subscriber === undefined || ring === undefined) return GONE;
    const { text, next, counts: counted } = await nextPiece(platform, job, subscriber, parts);
    const piece = {
      number: job.pieces,
      sealed: seal(ring, job, text),
      bytes: Buffer.byteLength(text),
      counts: counted,
    };
    await appendPiece(pool, id, { ...piece, next }, ttlMs);
    beat();
  }
}

function seal(ring: Keyring, { id, pieces }: SubscriberExport, text: string): Buffer {
  return ring.encrypt(text, piecePlace(id, pieces));
}

interface NextPiece {
  text: string;
  counts: Record<string, number>;
  next: ExportPosition | undefined;
}

async function nextPiece(
  platform: Platform,
  { id, subscriberId, format, position, counts, createdAt }: SubscriberExport,
  subscriber: Subscriber,
  parts: readonly HeldPart[],
): Promise<NextPiece> {
  const writer = exportWriter(format);
  const index = position === undefined ? 0 : parts.findIndex(({ name }) => name === position.part);
  const part = parts[index];
  if (part === undefined) throw new Error(`${id} goes on in a part that there is none of: ${position?.part}`);
  const after = position?.after ?? undefined;
  const { records, next } = await part.read(platform, subscriber, after);
  const before = counts[part.name] ?? 0;
  const text = [
    position === undefined ? writer.begin({ id, subscriberId, requestedAt: createdAt }) : '',
    after === undefined ? writer.openPart(part) : '',
    ...records.map((record, n) => writer.record(part, before + n + 1, record)),
  ];
  const counted = { ...counts, [part.name]: before + records.length };
  if (next !== undefined) return { text: text.join(''), counts: counted, next: { part: part.name, after: next } };
  text.push(writer.closePart(part));
  const following = parts[index + 1];
  if (following === undefined) text.push(writer.end());
  return { text: text.join(''), counts: counted, next: following && { part: following.name, after: null } };
}
