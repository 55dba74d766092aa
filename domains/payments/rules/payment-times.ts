/**
 * When money moved, as the ledger has it: the moment that the provider tells, unless its clock is wrong. Nothing is
 * captured before it was asked for, nor in the future.
 */
export function effectiveMoment(told: Date | undefined, askedAt: Date, now: Date): Date {
  if (told === undefined || Number.isNaN(told.getTime())) return now;
  return new Date(Math.min(Math.max(told.getTime(), askedAt.getTime()), Math.max(now.getTime(), askedAt.getTime())));
}
