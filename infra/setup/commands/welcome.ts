import path from 'node:path';
import type { FirstWebhook } from './first-webhook';

export interface RunningPlaces {
  apiUrl: string;
  /** Where the API's metrics are. */
  metricsUrl: string;
  receiverUrl: string;
  /** The fake payment provider's; `undefined` if the environment names another one. */
  providerUrl: string | undefined;
  /** `undefined` if the Temporal server is not ours and `WAYBILL_TEMPORAL_UI_URL` is not set. */
  temporalUiUrl: string | undefined;
  adminKey: string;
  keysFile: string;
  logFolder: string;
  first: FirstWebhook;
}

/** What a newcomer sees when everything runs: where things are, and what to try. */
export function welcome(places: RunningPlaces): string {
  const { apiUrl, metricsUrl, receiverUrl, providerUrl, temporalUiUrl, adminKey, keysFile, logFolder, first } = places;
  const rows = [
    ['API', `${apiUrl}/v1`],
    ['API documentation', `${apiUrl}/docs`],
    temporalUiUrl === undefined
      ? ['Temporal Web UI', 'that of your Temporal server', 'WAYBILL_TEMPORAL_UI_URL tells where it is']
      : ['Temporal Web UI', temporalUiUrl],
    ['Receiver', `${receiverUrl}/received`, 'the last 100 webhooks it got'],
    ...(providerUrl === undefined
      ? []
      : [['Payment provider', `${providerUrl}/charges`, 'a fake one, for test cards']]),
    ['Metrics', metricsUrl, "the API's, for Prometheus"],
    ['Logs', shortest(logFolder)],
  ];
  return `
Waybill is running.

${rows.map(([what = '', where = '', why]) => `  ${what.padEnd(18)} ${where}${why === undefined ? '' : `  (${why})`}`).join('\n')}

The first webhook reached the receiver ${first.acceptToReceivedMs} ms after the API had accepted it. Its workflow:
  ${first.workflowUrl ?? first.workflowId}

Send one yourself:

  curl ${apiUrl}/v1/messages \\
    -H 'Authorization: Bearer ${adminKey}' \\
    -H 'Content-Type: application/json' \\
    -d '{"eventType": "order.created", "payload": {"orderId": "1002"}}'

The key is the administrator's; it is kept in ${shortest(keysFile)}.
Let the receiver fail three times and watch the retries: curl -X POST '${receiverUrl}/fail?next=3&status=503'
Ctrl-C stops everything that was started here.
`;
}

function shortest(file: string): string {
  const relative = path.relative(process.cwd(), file);
  return relative.startsWith('..') ? file : relative;
}
