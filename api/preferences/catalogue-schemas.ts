import { z } from 'zod';
import { type Category, POLICIES, type Topic } from '../../domains/preferences';
import { moment, momentText, nonEmptyText, pageQuery, pageSchema, text } from '../http/schemas';
import { keySchema } from './shared-schemas';

const name = nonEmptyText(200).meta({ description: 'What people call it.', example: 'News' });
const description = text(2_000);

const policy = z.enum(POLICIES).meta({
  description:
    'What holds for who has chosen nothing: `opt_out`: it is sent; `opt_in`: it is not; `required`: it is sent whatever they ' +
    'choose.',
  example: 'opt_in',
});

const commercial = z
  .boolean()
  .meta({ description: 'Whether it is advertising: its mail has a postal address and a link to unsubscribe.' });

const category = keySchema.meta({ description: 'The category that it is of.' });

export const newCategorySchema = z
  .strictObject({ key: keySchema, name, description: description.default(''), policy, commercial })
  .meta({ id: 'NewCategory', example: { key: 'news', name: 'News', policy: 'opt_in', commercial: true } });

export const categoryChangeSchema = z
  .strictObject({
    name: name.optional(),
    description: description.optional(),
    policy: policy.optional(),
    commercial: commercial.optional(),
  })
  .meta({ id: 'CategoryChange', example: { name: 'Our news' } });

const base = {
  key: keySchema,
  name: z.string(),
  description: z.string(),
  createdAt: momentText,
  updatedAt: momentText,
};

export const categorySchema = z.object({ ...base, policy, commercial }).meta({ id: 'Category' });
export const categoryPageSchema = pageSchema('CategoryPage', categorySchema);

export const newTopicSchema = z
  .strictObject({ key: keySchema, name, description: description.default(''), category })
  .meta({ id: 'NewTopic', example: { key: 'order-shipped', name: 'Order shipped', category: 'orders' } });

export const topicChangeSchema = z
  .strictObject({ name: name.optional(), description: description.optional(), category: category.optional() })
  .meta({ id: 'TopicChange', example: { name: 'Order on its way' } });

export const topicSchema = z.object({ ...base, category }).meta({ id: 'Topic' });
export const topicPageSchema = pageSchema('TopicPage', topicSchema);

export const keyParams = z.object({ key: keySchema.meta({ description: 'Its key.' }) });
export const catalogueQuery = z.strictObject(pageQuery);

function baseView({ key, name, description, createdAt, updatedAt }: Category | Topic) {
  return { key, name, description, createdAt: moment(createdAt), updatedAt: moment(updatedAt) };
}

/** A category as answers show it. */
export function categoryView(category: Category): z.input<typeof categorySchema> {
  return { ...baseView(category), policy: category.policy, commercial: category.commercial };
}

/** A topic as answers show it. */
export function topicView(topic: Topic): z.input<typeof topicSchema> {
  return { ...baseView(topic), category: topic.category };
}
