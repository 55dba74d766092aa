import path from 'node:path';

/** The workflows, bundled once a run by `global-setup.ts`. */
export const TEST_BUNDLE = path.resolve(__dirname, '../../.waybill/test-workflow-bundle.js');
