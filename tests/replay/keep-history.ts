import { writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import path from 'node:path';
import type { Client } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils';
import { eventually } from '../support/receiver';

const ROOT = path.resolve(__dirname, '..', '..');
const FOLDER = path.join(__dirname, 'histories');

/** Waits for a workflow to end and keeps its history, without details of the machine it ran on. */
export async function keepHistory(client: Client, name: string, workflowId: string): Promise<void> {
  const handle = client.workflow.getHandle(workflowId);
  await eventually(async () => {
    const description = await handle.describe().catch(() => undefined);
    return description === undefined || description.status.name === 'RUNNING' ? undefined : true;
  });
  const json = historyToJSON(await handle.fetchHistory())
    .replaceAll(/"identity": "[^"]*"/g, '"identity": "recorder"')
    .replaceAll(`@${hostname()}`, '@recorder')
    .replaceAll(`${ROOT}${path.sep}`, '');
  await writeFile(path.join(FOLDER, `${name}.json`), `${json}\n`);
}
