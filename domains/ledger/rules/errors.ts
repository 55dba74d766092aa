import { PermanentError } from '../../../core/permanent-error';

/** Kind and reference were posted before with other entries: a fault in the caller. */
export class LedgerConflict extends PermanentError {}
