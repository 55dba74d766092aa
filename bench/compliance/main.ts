// npm run bench:compliance -- [--json] [--quick]: many senders, many opt-outs, and kills: was anything decided against what
// somebody had been answered? Ends with code 1 when anything was. Method: docs/performance.md.
import { parseArgs } from 'node:util';
import { Interrupted, listenForInterrupts } from '../../infra/setup/processes/interrupts';
import { progress } from '../kit/progress';
import { FULL, QUICK } from './plan';
import { runCompliance } from './run';

const { values } = parseArgs({
  options: { json: { type: 'boolean', default: false }, quick: { type: 'boolean', default: false } },
});

runCompliance(values.quick ? QUICK : FULL, listenForInterrupts(progress)).then(
  (result) => {
    process.stdout.write(`${JSON.stringify(result, undefined, values.json ? undefined : 2)}\n`);
    if (!result.sound) process.exitCode = 1;
  },
  (error: unknown) => {
    process.exitCode = error instanceof Interrupted ? error.exitCode : 1;
    if (!(error instanceof Interrupted)) process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
  },
);
