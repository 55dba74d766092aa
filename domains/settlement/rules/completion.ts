// What the audit log, and whoever is told, know of a completed settlement.

/** The action in the audit log, and the type of the event. */
export const COMPLETED = 'settlement.completed';

/** A run as its entry in the audit log names it; verification compares each field with the run. */
export function periodOf(run: { businessDate: string; timeZone: string; periodStart: Date; periodEnd: Date }) {
  return {
    date: run.businessDate,
    timeZone: run.timeZone,
    periodStart: run.periodStart.toISOString(),
    periodEnd: run.periodEnd.toISOString(),
  };
}

/** A place in the audit log as it is told outside. Who keeps it can tell later whether the log still has it. */
export function anchorOf({ seq, hash }: { seq: number; hash: Buffer }): { seq: number; hash: string } {
  return { seq, hash: hash.toString('hex') };
}
