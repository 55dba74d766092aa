import type { Pool } from 'pg';

/** What has become of inbound events. */
export interface InboundAudit {
  events: number;
  /** Neither processed nor given up. */
  open: number;
  failed: number;
  /** Messages that they became, and those that are not one to one: more than one for an event, or none. */
  messages: number;
  wrong: number;
}

/** Compares inbound events with the messages of their type. */
export async function auditInbound(pool: Pool, eventType: string): Promise<InboundAudit> {
  const { rows } = await pool.query<InboundAudit>(
    `WITH published AS (
       SELECT event_id, count(*)::int AS messages FROM messages WHERE event_type = $1 GROUP BY event_id
     ), compared AS (
       SELECT e.state, coalesce(p.messages, 0) AS messages
       FROM inbound_events e LEFT JOIN published p ON p.event_id = 'inb_' || replace(e.id::text, '-', '')
     )
     SELECT count(*)::int AS events, count(*) FILTER (WHERE state = 'pending')::int AS open,
            count(*) FILTER (WHERE state = 'failed')::int AS failed,
            (SELECT coalesce(sum(messages), 0)::int FROM published) AS messages,
            count(*) FILTER (WHERE state <> 'pending' AND messages <> 1)::int AS wrong FROM compared`,
    [eventType],
  );
  const [row] = rows;
  if (row === undefined) throw new Error('the audit has no result');
  return row;
}

/** Waits until no event is open. @returns the seconds that took */
export async function untilProcessed(pool: Pool, withinMs: number, signal: AbortSignal): Promise<number> {
  const began = performance.now();
  for (;;) {
    signal.throwIfAborted();
    const { rows } = await pool.query("SELECT FROM inbound_events WHERE state = 'pending' LIMIT 1");
    if (rows.length === 0 || performance.now() - began > withinMs) return (performance.now() - began) / 1_000;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
