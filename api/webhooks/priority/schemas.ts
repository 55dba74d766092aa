import { z } from 'zod';
import { type PriorityRules, WEEKDAYS } from '../../../domains/webhooks';

const weekdays = z
  .array(z.enum(WEEKDAYS))
  .max(WEEKDAYS.length)
  .meta({
    description:
      "Days that matter, in the tenant's time zone: on these, messages that say nothing of their day are `urgent`, but for " +
      'endpoints of the tier `bulk` and event types with a priority of their own. Empty for none.',
    example: ['saturday'],
  });

export const priorityRulesChangeSchema = z
  .strictObject({ urgentWeekdays: weekdays })
  .meta({ id: 'PriorityRulesChange', example: { urgentWeekdays: ['saturday'] } });

export const priorityRulesSchema = z
  .object({ urgentWeekdays: weekdays })
  .meta({ id: 'PriorityRules', example: { urgentWeekdays: ['saturday'] } });

/** A tenant's rules as answers show them. */
export function priorityRulesView(rules: PriorityRules): z.input<typeof priorityRulesSchema> {
  return {
    urgentWeekdays: rules.weekdays.flatMap((day) => {
      const name = WEEKDAYS[day - 1];
      return name === undefined ? [] : [name];
    }),
  };
}

/** Days as numbers, 1 for Monday to 7 for Sunday. */
export function weekdaysOf({ urgentWeekdays }: z.output<typeof priorityRulesChangeSchema>): number[] {
  return urgentWeekdays.map((name) => WEEKDAYS.indexOf(name) + 1);
}
