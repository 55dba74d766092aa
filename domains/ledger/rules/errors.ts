import { PermanentError } from '../../../core/permanent-error';

/** Kind and reference were posted before with other entries: a bug in the caller. */
export class LedgerConflict extends PermanentError {}
