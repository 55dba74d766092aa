import type { PoolClient } from 'pg';
import { type ExpectedVersion, outdatedDetail } from '../../../core/expected-version';
import type { PublicId } from '../../../core/ids';
import type { Platform } from '../../../infra/platform/platform';
import { inTransaction } from '../../../infra/postgres/pool';
import { appendAudit } from '../../audit';
import { filledContent } from '../accepting/filled-content';
import { NotificationRefusal } from '../refusals';
import type { Content } from '../rules/content';
import { contentFaults } from '../rules/render';
import type { TemplateData } from '../rules/template';
import {
  findTemplate,
  findTemplateVersion,
  insertTemplate,
  insertTemplateVersion,
  removeTemplate,
  type Template,
  type TemplateVersion,
  updateTemplate,
} from '../store/templates';

/** Whose template, which one, who asks, and which revisions it may have. */
export interface TemplateCommand {
  tenantId: PublicId;
  /** The API key that asked for it. */
  keyId: PublicId;
  key: string;
  expected?: ExpectedVersion | undefined;
}

/** A template as it is now. */
export interface WholeTemplate {
  template: Template;
  latest: TemplateVersion;
}

/** @throws NotificationRefusal when there is one with the key, or the content cannot be filled safely */
export function createTemplate(
  { pool }: Pick<Platform, 'pool'>,
  { tenantId, keyId, key }: TemplateCommand,
  { name, description, content }: { name: string; description: string; content: Content },
): Promise<WholeTemplate> {
  refuseFaulty(content);
  return inTransaction(pool, async (db) => {
    const template = await insertTemplate(db, tenantId, { key, name, description });
    if (template === undefined) {
      throw new NotificationRefusal('template-exists', `There is a template "${key}"; change that one.`);
    }
    await insertTemplateVersion(db, tenantId, key, { version: 1, content, createdBy: keyId });
    await audit(db, { tenantId, keyId, key }, 'template.created', { version: 1 });
    return whole(db, tenantId, key);
  });
}

/**
 * Changes what is given. A content that differs becomes a new version; notifications that were accepted keep theirs.
 *
 * @throws NotificationRefusal when there is no such template, it is none of the expected revisions, or the content cannot be
 *   filled safely
 */
export function changeTemplate(
  { pool }: Pick<Platform, 'pool'>,
  command: TemplateCommand,
  change: { name?: string | undefined; description?: string | undefined; content?: Content | undefined },
): Promise<WholeTemplate> {
  const { tenantId, keyId, key, expected } = command;
  const { name, description, content } = change;
  if (content !== undefined) refuseFaulty(content);
  return inTransaction(pool, async (db) => {
    const template = await findTemplate(db, tenantId, key, 'FOR UPDATE');
    if (template === undefined) throw new NotificationRefusal('no-such-template');
    const version = content === undefined ? undefined : template.version + 1;
    const updated = await updateTemplate(db, tenantId, key, { name, description, version }, expected);
    if (updated === undefined) throw changedMeanwhile(template);
    if (content !== undefined) {
      await insertTemplateVersion(db, tenantId, key, { version: updated.version, content, createdBy: keyId });
    }
    await audit(db, command, 'template.changed', { version: updated.version });
    return whole(db, tenantId, key);
  });
}

/** With all versions; notifications that were accepted are sent all the same. @throws NotificationRefusal as changes do */
export function deleteTemplate({ pool }: Pick<Platform, 'pool'>, command: TemplateCommand): Promise<void> {
  const { tenantId, key, expected } = command;
  return inTransaction(pool, async (db) => {
    const template = await findTemplate(db, tenantId, key, 'FOR UPDATE');
    if (template === undefined) throw new NotificationRefusal('no-such-template');
    if (!(await removeTemplate(db, tenantId, key, expected))) throw changedMeanwhile(template);
    await audit(db, command, 'template.deleted', { version: template.version });
  });
}

/** A template with its latest content. @throws NotificationRefusal when there is none */
export function showTemplate(
  { pool }: Pick<Platform, 'pool'>,
  tenantId: PublicId,
  key: string,
): Promise<WholeTemplate> {
  return whole(pool, tenantId, key);
}

/**
 * Fills a version of a template, as sending would.
 *
 * @throws NotificationRefusal when there is no such version, or data is missing
 */
export async function previewTemplate(
  { pool }: Pick<Platform, 'pool'>,
  { tenantId, key, version }: { tenantId: PublicId; key: string; version: number | undefined },
  data: TemplateData,
): Promise<{ version: number; content: Content }> {
  const found = await findTemplateVersion(pool, tenantId, key, version);
  if (found === undefined) throw new NotificationRefusal('no-such-version');
  return { version: found.version, content: filledContent(found.content, data) };
}

async function whole(db: Parameters<typeof findTemplate>[0], tenantId: PublicId, key: string): Promise<WholeTemplate> {
  const template = await findTemplate(db, tenantId, key);
  const latest = template && (await findTemplateVersion(db, tenantId, key, template.version));
  if (template === undefined || latest === undefined) throw new NotificationRefusal('no-such-template');
  return { template, latest };
}

function refuseFaulty(content: Content): void {
  const [fault] = contentFaults(content);
  if (fault === undefined) return;
  throw new NotificationRefusal('unusable-template', fault.fault, { field: ['content', fault.channel, fault.field] });
}

function changedMeanwhile({ revision: version }: Template): NotificationRefusal {
  return new NotificationRefusal('changed-meanwhile', outdatedDetail('The template', version), { version });
}

function audit(
  db: PoolClient,
  { tenantId, keyId, key }: TemplateCommand,
  action: string,
  payload: object,
): Promise<unknown> {
  return appendAudit(db, tenantId, { actor: keyId, action, subject: `template/${key}`, payload });
}
