import { z } from 'zod';
import { type Template, type TemplateVersion, variablesOf, type WholeTemplate } from '../../domains/notifications';
import { moment, momentText, nonEmptyText, pageQuery, pageSchema, text } from '../http/schemas';
import { contentSchema } from './content-schemas';
import { dataSchema, keySchema } from './notification-schemas';

const name = nonEmptyText(200).meta({ example: 'Order shipped' });
const description = text(2_000);
const version = z.int().min(1).meta({ description: 'The version; the latest where none is asked for.', example: 3 });

export const newTemplateSchema = z
  .strictObject({
    key: keySchema.meta({ description: 'What notifications name it by.' }),
    name,
    description: description.default(''),
    content: contentSchema,
  })
  .meta({
    id: 'NewTemplate',
    example: {
      key: 'order-shipped',
      name: 'Order shipped',
      content: { email: { subject: 'Order {{number}}', text: 'Dear {{name}}, …' } },
    },
  });

export const templateChangeSchema = z
  .strictObject({
    name: name.optional(),
    description: description.optional(),
    content: contentSchema.optional().meta({ description: 'Replaces what it says, as a new version.' }),
  })
  .meta({ id: 'TemplateChange', example: { name: 'Order on its way' } });

const fields = {
  key: keySchema.meta({ description: 'What notifications name it by.' }),
  name: z.string(),
  description: z.string(),
  version,
  createdAt: momentText,
  updatedAt: momentText,
};

const variables = z
  .array(z.string())
  .meta({ description: 'What `data` must have for it, over all channels.', example: ['name', 'order.number'] });

export const templateSummarySchema = z.object(fields).meta({ id: 'TemplateSummary' });
export const templateSchema = z.object({ ...fields, content: contentSchema, variables }).meta({ id: 'Template' });
export const templatePageSchema = pageSchema('TemplatePage', templateSummarySchema);
export const templateParams = z.object({ key: keySchema });
export const templateQuery = z.strictObject(pageQuery);

export const templateVersionSchema = z
  .object({
    version: z.int(),
    content: contentSchema,
    variables,
    createdBy: z.string().meta({ description: 'The API key that wrote it.' }),
    createdAt: momentText,
  })
  .meta({ id: 'TemplateVersion' });
export const templateVersionsSchema = z
  .object({ data: z.array(templateVersionSchema) })
  .meta({ id: 'TemplateVersions' });

export const previewWishSchema = z
  .strictObject({
    version: version.optional().meta({ description: 'Which version; the latest if left out.' }),
    data: dataSchema,
  })
  .meta({ id: 'PreviewWish', example: { data: { name: 'Ada', number: '1042' } } });
export const previewSchema = z.object({ version: z.int(), content: contentSchema }).meta({ id: 'TemplatePreview' });

export function templateSummary(template: Template): z.input<typeof templateSummarySchema> {
  return {
    key: template.key,
    name: template.name,
    description: template.description,
    version: template.version,
    createdAt: moment(template.createdAt),
    updatedAt: moment(template.updatedAt),
  };
}

export function templateView({ template, latest }: WholeTemplate): z.input<typeof templateSchema> {
  return { ...templateSummary(template), content: latest.content, variables: variablesOf(latest.content) };
}

export function versionView(shown: TemplateVersion): z.input<typeof templateVersionSchema> {
  return {
    version: shown.version,
    content: shown.content,
    variables: variablesOf(shown.content),
    createdBy: shown.createdBy,
    createdAt: moment(shown.createdAt),
  };
}
