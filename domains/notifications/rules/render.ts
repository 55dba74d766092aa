import { type CardContent, type Content, channelsOf } from './content';
import { type Context, type FillFault, fill, placesOf, type TemplateData, templateFault } from './template';

/** The fields of a content and what each is filled for. */
const CONTEXTS: { readonly [C in keyof Content]-?: Readonly<Record<string, Context>> } = {
  email: { subject: 'line', text: 'text', html: 'html' },
  sms: { text: 'text' },
  push: { title: 'line', body: 'text', url: 'url' },
  in_app: { title: 'line', body: 'text', url: 'url' },
  webhook: { title: 'line', body: 'text', url: 'url' },
} satisfies { [C in keyof Content]-?: Record<keyof CardContent | string, Context> };

/** A field of a content, such as `email` and `subject`. */
interface Field {
  channel: keyof Content;
  field: string;
  text: string;
  context: Context;
}

function fieldsOf(content: Content): Field[] {
  return channelsOf(content).flatMap((channel) =>
    Object.entries(content[channel] ?? {}).flatMap(([field, text]: [string, unknown]) => {
      const context = CONTEXTS[channel][field];
      return typeof text === 'string' && context !== undefined ? [{ channel, field, text, context }] : [];
    }),
  );
}

/** What is wrong with a template's content, and in which field. */
export function contentFaults(content: Content): { channel: string; field: string; fault: string }[] {
  return fieldsOf(content).flatMap(({ channel, field, text, context }) => {
    const fault = templateFault(text, context);
    return fault === undefined ? [] : [{ channel, field, fault }];
  });
}

/** Names of all places of a content. */
export function variablesOf(content: Content): string[] {
  return [...new Set(fieldsOf(content).flatMap(({ text }) => placesOf(text)))].sort();
}

/** Fills a content, and says what is missing. */
export function render(content: Content, data: TemplateData): { content: Content; faults: FillFault[] } {
  const faults: FillFault[] = [];
  const filled: Record<string, Record<string, string>> = {};
  for (const { channel, field, text, context } of fieldsOf(content)) {
    filled[channel] = { ...filled[channel], [field]: fill(text, data, context, faults) };
  }
  return { content: filled as unknown as Content, faults };
}
