// The floor: the shortest program that does what a webhook sender has to, on the same Express, the same Postgres and
// towards the same receiver. One INSERT, one POST and one UPDATE a message; no authentication, no validation, no
// signature, no retries, and a message whose POST fails, or whose process dies, is never sent again.
import express from 'express';
import { Pool } from 'pg';
import { Agent, request } from 'undici';

const CONNECTIONS_TO_POSTGRES = 10;
const CONNECTIONS_TO_RECEIVER = 64;
const MAX_BODY_BYTES = 1_048_576;

interface Publish {
  eventType: string;
  payload: unknown;
}

async function main(): Promise<void> {
  const pool = new Pool({ connectionString: process.env.BENCH_NAIVE_DATABASE_URL, max: CONNECTIONS_TO_POSTGRES });
  pool.on('error', (error) => console.error(error));
  await pool.query(`CREATE TABLE IF NOT EXISTS messages (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text NOT NULL, state text NOT NULL DEFAULT 'pending',
    status int, created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz)`);
  const agent = new Agent({ connections: CONNECTIONS_TO_RECEIVER, keepAliveTimeout: 60_000 });
  const url = process.env.BENCH_RECEIVER_URL ?? '';

  const deliver = async (id: string, body: string): Promise<void> => {
    const headers = { 'content-type': 'application/json', 'webhook-id': id };
    const answer = await request(url, { method: 'POST', dispatcher: agent, headers, body });
    await answer.body.dump();
    await pool.query({
      name: 'update',
      text: `UPDATE messages SET state = 'delivered', status = $2, updated_at = now() WHERE id = $1`,
      values: [id, answer.statusCode],
    });
  };

  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.get('/', (_req, res) => {
    res.sendStatus(200);
  });
  app.post('/messages', express.json({ limit: MAX_BODY_BYTES }), async (req, res) => {
    const { eventType, payload } = req.body as Publish;
    const body = JSON.stringify({ type: eventType, timestamp: new Date().toISOString(), data: payload });
    const { rows } = await pool.query<{ id: string }>({
      name: 'insert',
      text: 'INSERT INTO messages (body) VALUES ($1) RETURNING id',
      values: [body],
    });
    const id = rows[0]?.id ?? '';
    res.status(202).json({ id });
    deliver(id, body).catch((error) => console.error(error));
  });
  const server = app.listen(Number(process.env.BENCH_NAIVE_PORT), '127.0.0.1', 1_024);
  server.keepAliveTimeout = 65_000;
}

main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
