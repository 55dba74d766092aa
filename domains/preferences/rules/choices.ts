import type { Channel } from './channels';

export const LEVELS = ['global', 'category', 'topic'] as const;

export type Level = (typeof LEVELS)[number];

/** Every channel, or one. */
export type ChannelScope = Channel | '*';

/** What a choice is about. */
export interface ChoicePlace {
  level: Level;
  /** Of the category or topic; empty for global. */
  key: string;
  channel: ChannelScope;
}

/** What somebody has chosen: to get it, or not to. */
export interface Choice extends ChoicePlace {
  value: boolean;
}

/** A choice to make, or with null to take back. */
export interface ChoiceChange extends ChoicePlace {
  value: boolean | null;
}

export const POLICIES = ['opt_out', 'opt_in', 'required'] as const;

/** What holds for who has chosen nothing: it is sent, it is not, or it is sent whatever they choose. */
export type Policy = (typeof POLICIES)[number];

/** A place as a text that is its own alone. */
export function placeKey({ level, key, channel }: ChoicePlace): string {
  return `${level}/${key}/${channel}`;
}
