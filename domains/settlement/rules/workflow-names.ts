/** Workflow types of this domain, as they are registered. */
export const SETTLEMENT_WORKFLOWS = {
  settlementLauncher: 'settlementLauncher',
  settlementDay: 'settlementDay',
} as const;

/** The id of the workflow that settles a business day. */
export function settlementWorkflowId(tenantId: string, date: string): string {
  return `settlement/${tenantId}/${date}`;
}

/** The id of the workflow that settles a business's days up to one; the same for its Schedule, without the date. */
export function settlementLauncherId(tenantId: string, upTo?: string): string {
  return `settlement-launcher/${tenantId}${upTo === undefined ? '' : `/${upTo}`}`;
}
