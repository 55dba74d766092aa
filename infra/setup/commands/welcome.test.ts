import { type RunningPlaces, welcome } from './welcome';

const PLACES: RunningPlaces = {
  apiUrl: 'http://127.0.0.1:8080',
  metricsUrl: 'http://127.0.0.1:9464/metrics',
  receiverUrl: 'http://127.0.0.1:8090',
  providerUrl: undefined,
  temporalUiUrl: 'http://127.0.0.1:8233',
  adminKey: 'wb_live_1',
  keysFile: '/data/keys.env',
  logFolder: '/data/log',
  first: {
    deliveryId: 'dlv_1',
    workflowId: 'webhook-delivery/dlv_1',
    workflowUrl: 'http://127.0.0.1:8233/namespaces/default/workflows/webhook-delivery%2Fdlv_1',
    acceptToReceivedMs: 7,
  },
};

test('Web UI and the first workflow are linked', () => {
  const text = welcome(PLACES);
  expect(text).toMatch(/Temporal Web UI +http:\/\/127\.0\.0\.1:8233$/m);
  expect(text).toContain('/namespaces/default/workflows/webhook-delivery%2Fdlv_1');
});

test('where Web UI is unknown, there is no link to it, and the first workflow is called by its name', () => {
  const first = { ...PLACES.first, workflowUrl: undefined };
  const text = welcome({ ...PLACES, temporalUiUrl: undefined, first });
  expect(text).toMatch(/Temporal Web UI +that of your Temporal server/);
  expect(text).toMatch(/^ {2}webhook-delivery\/dlv_1$/m);
  expect(text).not.toMatch(/8233|undefined/);
});
