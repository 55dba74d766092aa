import { setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';
import type { FlowEnd } from '../../domains/payments/rules/payment-flow';
import { WAYBILL_STATE } from '../../infra/temporal/search-attributes';

/** What has happened so far, for people who look at the workflow in Web UI. */
export class Story {
  readonly #lines: string[] = [];

  /** Adds a step: markdown, one line. */
  tell(line: string): void {
    this.#lines.push(`- ${line}`);
    setCurrentDetails(this.#lines.join('\n'));
  }

  /** Tells how it ended, also in the search attribute for the state. */
  end(end: FlowEnd): FlowEnd {
    this.tell(`**${end.state}**${end.code === undefined ? '' : `: ${end.code}`}`);
    upsertSearchAttributes([{ key: WAYBILL_STATE, value: end.state }]);
    return end;
  }
}
