/** Most times that a delivery is taken from the dead letters without anybody asking for it. */
export const MOST_RECOVERIES = 3;

/** Dead letters of the table or alias `l` that recover with their endpoint, as the index `dead_letters_recoverable` says it. */
export const recoverable = (l: string) => `${l}.state = 'open' AND ${l}.recoveries < ${MOST_RECOVERIES}
  AND ${l}.reason IN ('exhausted', 'backlog-expired')
  AND (${l}.last_status >= 500 OR ${l}.last_status IN (408, 425, 429)
       OR ${l}.last_status IS NULL AND ${l}.last_error IN ('timeout', 'connection', 'dns', 'tls', 'protocol'))`;

// What was given up longer ago may be out of date: a person decides. The bound on `recover_at`, which is no earlier than
// the other, is one of the index.
const LATEST = "now() - interval '7 days'";
export const fresh = (l: string) => `${l}.recover_at > ${LATEST} AND ${l}.created_at > ${LATEST}`;

/**
 * When a delivery that dies with so many recoveries may be taken again: each in vain says more against the message, and
 * less against the endpoint.
 */
export const recoverAt = (recoveries: string) =>
  `now() + CASE ${recoveries} WHEN 0 THEN interval '0' WHEN 1 THEN interval '5 minutes' ELSE interval '1 hour' END`;
