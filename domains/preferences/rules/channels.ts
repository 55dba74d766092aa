/** Ways to reach somebody. */
export const CHANNELS = ['email', 'sms', 'push', 'in_app', 'webhook'] as const;

export type Channel = (typeof CHANNELS)[number];

/** Whether nothing can be sent by a channel without an address; the inbox in the app needs none. */
export function needsAddress(channel: Channel): boolean {
  return channel !== 'in_app';
}
