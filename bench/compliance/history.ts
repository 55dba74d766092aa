/** A change of what somebody wants, as whoever asked for it knows it. Times in milliseconds since the epoch. */
export interface Change {
  subscriberId: string;
  /** False: they want nothing more of it. */
  wanted: boolean;
  /** Undefined when no answer came: it may have been made, or not. */
  answer: { version: number; at: number } | undefined;
}

/** A decision about a send, as it was recorded with what it made of the send. */
export interface SendDecision {
  sendId: string;
  subscriberId: string;
  decision: 'allow' | 'deny' | 'defer';
  /** The version of the subscriber that it went by. */
  version: number;
  /** Milliseconds since the epoch. */
  at: number;
}

/** A decision that must not have been. */
export interface Violation {
  sendId: string;
  subscriberId: string;
  /** `outdated`: it went by less than had been answered by then. `refused`: they wanted nothing at its version. */
  kind: 'outdated' | 'refused';
  /** The version of the opt-out. */
  optOut: number;
  /** How long after the opt-out was answered it was taken, in milliseconds; negative: before. */
  afterMs: number;
}

interface Answered {
  version: number;
  wanted: boolean;
  at: number;
}

/**
 * Finds sends that were allowed although somebody had been answered that nothing more would be: by when each was decided, and by
 * which version. What was not answered is taken to have happened whenever that is in favour of the decision.
 */
export function findViolations(changes: readonly Change[], decisions: readonly SendDecision[]): Violation[] {
  const answered = new Map<string, Answered[]>();
  /** Who may want it since nobody knows when. */
  const unsure = new Set<string>();
  for (const { subscriberId, wanted, answer } of changes) {
    if (answer === undefined) {
      if (wanted) unsure.add(subscriberId);
    } else {
      const known = answered.get(subscriberId) ?? [];
      known.push({ ...answer, wanted });
      answered.set(subscriberId, known);
    }
  }
  for (const known of answered.values()) known.sort((a, b) => a.version - b.version);
  return decisions.flatMap((made) => {
    if (made.decision !== 'allow') return [];
    return violationOf(made, answered.get(made.subscriberId) ?? [], unsure.has(made.subscriberId)) ?? [];
  });
}

function violationOf(made: SendDecision, known: readonly Answered[], isUnsure: boolean): Violation | undefined {
  const of = (kind: Violation['kind'], { version, at }: Answered) => ({
    sendId: made.sendId,
    subscriberId: made.subscriberId,
    kind,
    optOut: version,
    afterMs: made.at - at,
  });
  const ignored = known.find(({ version, wanted, at }) => !wanted && version > made.version && at < made.at);
  if (ignored !== undefined) return of('outdated', ignored);
  const last = known.findLast(({ version }) => version <= made.version);
  if (last === undefined || last.wanted) return undefined;
  // An opt-in that was never answered may be what a later version is.
  return last.version === made.version || !isUnsure ? of('refused', last) : undefined;
}
