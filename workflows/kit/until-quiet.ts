import { defineSignal, setHandler } from '@temporalio/workflow';
import { CARRY_ON } from '../../infra/temporal/carry-on';

const carryOn = defineSignal(CARRY_ON);

/**
 * Runs a flow, and again as long as the workflow was told meanwhile that there is something to carry on with. Without it,
 * what changes between the flow's last look and the end of its workflow would wait for the sweep.
 */
export async function untilQuiet<T>(flow: () => Promise<T>): Promise<T> {
  let told = false;
  setHandler(carryOn, () => {
    told = true;
  });
  for (;;) {
    told = false;
    const end = await flow();
    if (!told) return end;
  }
}
