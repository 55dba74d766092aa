import type { Channel } from '../../preferences/rules/channels';

/** What is sent, by channel; in a template with places such as `{{name}}`. */
export interface Content {
  email?: EmailContent | undefined;
  sms?: { text: string } | undefined;
  push?: CardContent | undefined;
  in_app?: CardContent | undefined;
  webhook?: CardContent | undefined;
}

export interface EmailContent {
  subject: string;
  text: string;
  html?: string | undefined;
}

export interface CardContent {
  title: string;
  body: string;
  /** Where it leads. */
  url?: string | undefined;
}

/** The channels that a content has something for. */
export function channelsOf(content: Content): Channel[] {
  return (Object.keys(content) as Channel[]).filter((channel) => content[channel] !== undefined);
}
