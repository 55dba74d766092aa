/** The signal that tells a running workflow of news: what it read last may be out of date. */
export const CARRY_ON = 'carryOn';
