import type { ScheduleOptions } from '@temporalio/client';
import type { Fragment } from '../config/settings';
import type { Platform } from './platform';

/** What a domain contributes to the processes that it runs in. Each domain's `index.ts` exports one. */
export interface Domain {
  /** The name of its folder. */
  name: string;
  /** The environment variables that it reads. */
  config?: Fragment;
  /** What API keys may be allowed to do in it, such as `payments:read`. */
  scopes?: readonly string[];
  /** Its permanent Temporal Schedules; each worker creates them or updates them to match. */
  schedules?(platform: Platform): ScheduleOptions[];
  /** Called in each worker once Temporal is reached, for what `schedules` cannot express. Several may do so at once. */
  prepare?(platform: Platform): Promise<void>;
  /** Called in each worker at start, before Temporal is reached: begins work that does not depend on workflows. */
  watch?(platform: Platform): void;
}
