/** How long a request waits for its change's workflow. After that it commits the change itself. */
export const ANSWER_WITHIN_MS = 2_000;

/** After so long a request's change is not committed any more, wherever it is tried. */
export const COMMIT_WITHIN_MS = 10_000;

/** After a call that failed, changes are committed without Temporal for so long. */
export const AWAY_MS = 5_000;

/** A change that is still open after so long is looked after by the sweep. */
export const LEAVE_MS = 60_000;
