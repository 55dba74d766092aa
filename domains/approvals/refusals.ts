import { refusalOf } from '../../core/refusal';

/** Why a command is not kept, or not decided. */
export class ApprovalRefusal extends refusalOf({
  'not-found': 'not-found',
  'approval-waiting': 'wrong-state',
  'already-decided': 'wrong-state',
  'needs-another-key': 'wrong-state',
}) {}
