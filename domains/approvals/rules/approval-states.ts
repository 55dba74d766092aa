/** `not_needed`: below the threshold, carried out at once. */
export const APPROVAL_STATES = ['waiting', 'approved', 'rejected', 'not_needed'] as const;
export type ApprovalState = (typeof APPROVAL_STATES)[number];
