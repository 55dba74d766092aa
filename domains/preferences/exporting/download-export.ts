import { isId, type PublicId, toUuid } from '../../../core/ids';
import { begun } from '../../../core/text-pieces';
import type { Keyring } from '../../../infra/keyring';
import type { Platform } from '../../../infra/platform/platform';
import { inTransaction } from '../../../infra/postgres/pool';
import { openToken, sealToken } from '../../../infra/sealed-token';
import { appendAudit } from '../../audit';
import { PreferenceRefusal } from '../refusals';
import type { ExportFormat } from '../rules/export-text';
import { subscriberKey } from '../sealing';
import { findExport, piecePlace, readPiece, type SubscriberExport } from '../store/exports';
import { findSubscriber } from '../store/subscribers';

const PLACE = 'subscriber-export';
/** The form of what a token says. One of another form is made for it by a later version. */
const FORM = '1';

/** The token of the link by which an export is downloaded without an API key. */
export function exportToken(keyring: Keyring, { id }: Pick<SubscriberExport, 'id'>): string {
  return sealToken(keyring, PLACE, [FORM, toUuid(id)]);
}

/** An export that somebody downloads. */
export interface ExportDownload {
  id: PublicId;
  format: ExportFormat;
  /** Its text, a piece at a time in memory. It ends with an error when the subscriber is erased meanwhile. */
  text: AsyncIterable<string>;
}

/**
 * Opens an export for whoever has its link, with an entry in the audit log each time.
 *
 * @throws PreferenceRefusal when nobody has made the link, or the export has expired or its subscriber is erased
 */
export async function downloadExport(platform: Platform, token: string): Promise<ExportDownload> {
  const { pool, reads, keyring } = platform;
  const [form, uuid] = openToken(keyring, PLACE, token) ?? [];
  const id = `sxp_${uuid}`;
  if (form !== FORM || !isId('sxp', id)) throw new PreferenceRefusal('no-such-export');
  const { job, ring } = await inTransaction(pool, async (db) => {
    const job = await findExport(db, id);
    const subscriber = job && (await findSubscriber(db, job.tenantId, job.subscriberId));
    const ring = subscriber && subscriberKey(keyring, subscriber);
    // By the database's clock, which also says so to whoever reads it by the API.
    if (job?.state !== 'ready' || ring === undefined) throw gone();
    const { tenantId, subscriberId, format } = job;
    const payload = { subscriberId, format };
    await appendAudit(db, tenantId, {
      actor: 'download_link',
      action: 'subscriber.export_downloaded',
      subject: id,
      payload,
    });
    return { job, ring };
  });

  async function* pieces(): AsyncGenerator<string> {
    for (let number = 0; number < job.pieces; number++) {
      const sealed = await readPiece(reads, id, number);
      if (sealed === undefined) throw gone();
      yield ring.decrypt(sealed, piecePlace(id, number));
    }
  }

  return { id, format: job.format, text: await begun(pieces()) };
}

function gone(): PreferenceRefusal {
  const detail = 'The export has expired, or its subscriber is erased. Ask for a new one, if they are still there.';
  return new PreferenceRefusal('export-gone', detail);
}
