// Commands of which much depends: they are kept until a second API key approves them.

export { ask, keepForApproval, needsAnotherKey } from './ask';
export type { CarriedOut, CarryOut, Command, Commands, Requester } from './command';
export { type ApprovalsConfig, approvalsConfig } from './config';
export { decide } from './decide';
export { approvals } from './domain';
export { APPROVAL_STATES } from './rules/approval-states';
export { type Approval, findApproval, listApprovals } from './store/approvals';
