import type { ScheduleOptions } from '@temporalio/client';
import type { Fragment } from '../config/settings';
import type { Platform } from './platform';

/** What a domain brings to the processes that it runs in. Each domain's `index.ts` exports one. */
export interface Domain {
  /** As its folder is called. */
  name: string;
  /** The environment variables that it reads. */
  config?: Fragment;
  /** What API keys may be allowed to do in it, such as `payments:read`. */
  scopes?: readonly string[];
  /** Its standing Temporal Schedules; each worker brings them to what this says. */
  schedules?(platform: Platform): ScheduleOptions[];
  /** Called in each worker as soon as Temporal is reached, for what `schedules` cannot say. Safe to be done by several. */
  prepare?(platform: Platform): Promise<void>;
  /** Called in each worker at its start, before Temporal is reached: begins what stands apart from workflows. */
  watch?(platform: Platform): void;
}
