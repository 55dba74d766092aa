import { PermanentError } from '../../../core/permanent-error';

/** A day that is not the next one to be settled: it is not over, lies before the first one, or comes after an open one. */
export class WrongDay extends PermanentError {}

/** There is nothing to settle: the tenant is no business. */
export class NoBusiness extends PermanentError {}

/** A step of a settlement that is over, or was never begun. */
export class NotRunning extends PermanentError {}
