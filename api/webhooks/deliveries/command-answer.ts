import type { PublicId } from '../../../core/ids';
import type { CommandResult } from '../../../domains/webhooks';
import type { DoorContext } from '../../http/door';
import { Problem } from '../../http/problems';

export interface CommandAnswer {
  /** The target of the command, and the path where it can be read. */
  id: PublicId;
  path: string;
  /** What to do when its state does not allow the command. */
  hint: string;
  workflowUrl: DoorContext['workflowUrl'];
}

/** The answer to a command. @throws Problem when it was not carried out */
export function commandAnswer(result: CommandResult, { id, path, hint, workflowUrl }: CommandAnswer) {
  switch (result.outcome) {
    case 'done': {
      const { workflowId } = result;
      return {
        status: 202 as const,
        headers: { location: path },
        body: { id, workflowId, workflowUrl: workflowUrl(workflowId) },
      };
    }
    case 'not-found':
      throw new Problem('not-found');
    case 'wrong-state':
      throw new Problem('wrong-state', { detail: `It is ${result.state}: ${hint}` });
    case 'waits-for-turn':
      throw new Problem('wrong-state', {
        detail:
          'It waits for its turn: its endpoint is ordered, and a delivery before it is not settled. Settle that one first.',
      });
    case 'in-flight':
      throw new Problem('attempt-in-flight', { headers: { 'retry-after': '1' } });
  }
}
