import type { CarryOut } from './review-command';

/** What carries out each command, by its action. */
export const REVIEW_COMMANDS: Readonly<Record<string, CarryOut>> = {};
