import type { PublicId } from '../../../core/ids';
import type { CommandResult } from '../../../domains/webhooks';
import type { DoorContext } from '../../http/door';
import { Problem } from '../../http/problems';

/**
 * The answer to a command, or the problem that it came to.
 *
 * @param path - where what the command was for can be read
 * @param wrongState - what to do when its state does not allow the command
 */
export function commandAnswer(
  result: CommandResult,
  id: PublicId,
  path: string,
  wrongState: string,
  workflowUrl: DoorContext['workflowUrl'],
) {
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
      throw new Problem('wrong-state', { detail: `It is ${result.state}: ${wrongState}` });
    case 'in-flight':
      throw new Problem('attempt-in-flight', { headers: { 'retry-after': '1' } });
  }
}
