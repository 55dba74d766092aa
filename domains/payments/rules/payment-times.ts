/**
 * When money moved, for the ledger: the moment that the provider reports, unless its clock is wrong. Nothing is
 * captured before it was requested, or in the future.
 */
export function effectiveMoment(told: Date | undefined, askedAt: Date, now: Date): Date {
  if (told === undefined || Number.isNaN(told.getTime())) return now;
  return new Date(Math.min(Math.max(told.getTime(), askedAt.getTime()), Math.max(now.getTime(), askedAt.getTime())));
}
