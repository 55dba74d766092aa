import type { Pool } from 'pg';
import { newId, type PublicId, toUuid } from '../../core/ids';
import type { HeadOfLine, Ordering } from '../../domains/webhooks/rules/ordering';
import { newSecret } from '../../domains/webhooks/rules/signature';
import type { Keyring } from '../../infra/keyring';

export interface EndpointFixture {
  id: PublicId;
  secret: string;
}

/** Makes a tenant by SQL, where a test is not about the API. */
export async function insertTenant(pool: Pool): Promise<PublicId> {
  const id = newId('ten');
  await pool.query('INSERT INTO tenants (id, name) VALUES ($1, $2)', [toUuid(id), 'test']);
  return id;
}

/** Makes an endpoint with one secret by SQL. */
export async function insertEndpoint(
  pool: Pool,
  keyring: Keyring,
  tenantId: PublicId,
  options: {
    url: string;
    patterns?: string[];
    channels?: string[];
    delaysMs?: number[];
    timeoutMs?: number;
    state?: string;
    secret?: string;
    /** Settings of its circuit; without them it has none, so that a test can let it fail as often as it likes. */
    circuit?: object;
    fallbackUrl?: string;
    ordering?: Ordering;
    headOfLine?: HeadOfLine;
  },
): Promise<EndpointFixture> {
  const id = newId('ep');
  const secretId = newId('sec');
  const secret = options.secret ?? newSecret();
  await pool.query(
    `INSERT INTO endpoints (id, tenant_id, url, channels, retry_delays_ms, timeout_ms, state, circuit_settings, fallback_url,
                            ordering, head_policy, head_attempts)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
    [
      toUuid(id),
      toUuid(tenantId),
      options.url,
      options.channels ?? [],
      options.delaysMs ?? [100, 200, 200, 200],
      options.timeoutMs ?? 5_000,
      options.state ?? 'enabled',
      JSON.stringify(options.circuit ?? { enabled: false }),
      options.fallbackUrl,
      options.ordering ?? 'none',
      options.headOfLine?.policy ?? 'block',
      options.headOfLine?.policy === 'block' ? null : options.headOfLine?.attempts,
    ],
  );
  for (const pattern of options.patterns ?? ['*']) {
    await pool.query('INSERT INTO endpoint_subscriptions (tenant_id, pattern, endpoint_id) VALUES ($1, $2, $3)', [
      toUuid(tenantId),
      pattern,
      toUuid(id),
    ]);
  }
  await pool.query('INSERT INTO endpoint_secrets (id, endpoint_id, secret_encrypted) VALUES ($1, $2, $3)', [
    toUuid(secretId),
    toUuid(id),
    keyring.encrypt(secret, `endpoint_secrets/${toUuid(secretId)}`),
  ]);
  return { id, secret };
}
