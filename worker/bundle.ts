import { mkdir, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { bundleWorkflowCode } from '@temporalio/worker';

/** Where the built bundle is, beside the compiled worker. */
export const BUNDLE_PATH = path.resolve(__dirname, '..', 'workflow-bundle.js');

/** Bundles the workflows once, at build time, so that a worker starts without webpack. */
export async function buildWorkflowBundle(target = BUNDLE_PATH): Promise<void> {
  const { code } = await bundleWorkflowCode({ workflowsPath: require.resolve('../workflows') });
  await mkdir(path.dirname(target), { recursive: true });
  // Renamed when it is complete: half a bundle would pass for the build of the last stamped sources.
  const draft = `${target}.${process.pid}`;
  await writeFile(draft, code);
  await rename(draft, target);
}

if (require.main === module) {
  buildWorkflowBundle().catch((error) => {
    console.error(error);
    process.exit(1);
  });
}
