/** Why nothing is sent to an address. */
export const REASONS = ['user_request', 'bounce', 'complaint', 'admin_action', 'legal', 'erasure', 'invalid'] as const;

export type SuppressionReason = (typeof REASONS)[number];

/** Where a suppression came from. */
export const SUPPRESSION_SOURCES = ['api', 'one_click', 'provider', 'import', 'erasure'] as const;

export type SuppressionSource = (typeof SUPPRESSION_SOURCES)[number];

/** Every category. */
export const EVERYTHING = '*';

/** What a decision needs of a suppression that is not lifted. */
export interface ActiveSuppression {
  id: string;
  /** `*`, or the key of a category. */
  scope: string;
  reason: SuppressionReason;
  /** Milliseconds since the epoch, to the second; null for never. */
  expiresAt: number | null;
}

/** Whether it stops even what is required. What somebody asked for only stops what they may refuse. */
export function isHard(reason: SuppressionReason): boolean {
  return reason !== 'user_request';
}

/** Whether lifting it takes more than the right to change suppressions: the address, or its owner, objected to mail. */
export function isProtected(reason: SuppressionReason): boolean {
  return reason !== 'user_request' && reason !== 'admin_action';
}

/** Whether it can be about one category. An address that does not work works for none. */
export function mayBePartial(reason: SuppressionReason): boolean {
  return reason !== 'bounce' && reason !== 'invalid' && reason !== 'erasure';
}

/** Whether it counts at a moment: up to its last second, and not from the one it expires at. */
export function isInForce({ expiresAt }: Pick<ActiveSuppression, 'expiresAt'>, at: number): boolean {
  return expiresAt === null || at < expiresAt;
}
