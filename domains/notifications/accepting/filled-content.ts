import { NotificationRefusal } from '../refusals';
import type { Content } from '../rules/content';
import { render } from '../rules/render';
import type { TemplateData } from '../rules/template';

/** @throws NotificationRefusal naming every variable that is missing */
export function filledContent(content: Content, data: TemplateData): Content {
  const { content: filled, faults } = render(content, data);
  const [first] = faults;
  if (first === undefined) return filled;
  const detail = faults.map(({ name, fault }) => `"${name}" ${fault}`).join('; ');
  throw new NotificationRefusal('unusable-data', detail, { field: ['data', ...first.name.split('.')] });
}
