import { fromUuid, type PublicId, toUuid } from '../../../core/ids';
import { WALLETS_LIST } from '../../../infra/postgres/followed-lists';
import { mapPage, type Page, type PageRequest, readPage } from '../../../infra/postgres/keyset';
import type { Queryable } from '../../../infra/postgres/pool';
import { ACCOUNTS, accountBalance, accountBalances } from '../../ledger';

/** A customer's money with a tenant. */
export interface Wallet {
  id: PublicId;
  tenantId: PublicId;
  currency: string;
  /** Whose it is, in the tenant's words. */
  owner: string;
  createdAt: Date;
}

/** What is in a wallet, in minor units. */
export interface WalletBalance {
  /** `available` + `held`. */
  balance: bigint;
  /** Held for payments in progress. */
  held: bigint;
  available: bigint;
}

export type WalletWithBalance = Wallet & WalletBalance;

interface Row {
  id: string;
  tenant_id: string;
  currency: string;
  owner: string;
  created_at: Date;
}

const COLUMNS = 'id, tenant_id, currency, owner, created_at';

/** Inserts a wallet; an existing one with the id stays as it is. */
export async function insertWallet(db: Queryable, wallet: Omit<Wallet, 'createdAt'>): Promise<Wallet | undefined> {
  await db.query({
    text: 'INSERT INTO wallets (id, tenant_id, currency, owner) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING',
    values: [toUuid(wallet.id), toUuid(wallet.tenantId), wallet.currency, wallet.owner],
  });
  return findWallet(db, wallet.tenantId, wallet.id);
}

/** Index: wallets_pkey. */
export async function findWallet(db: Queryable, tenantId: PublicId, id: PublicId): Promise<Wallet | undefined> {
  const { rows } = await db.query<Row>({
    name: 'find-wallet',
    text: `SELECT ${COLUMNS} FROM wallets WHERE id = $1 AND tenant_id = $2`,
    values: [toUuid(id), toUuid(tenantId)],
  });
  return rows[0] === undefined ? undefined : fromRow(rows[0]);
}

/** Index: wallets_by_tenant. */
export async function listWallets(
  db: Queryable,
  tenantId: PublicId,
  request: PageRequest,
): Promise<Page<WalletWithBalance>> {
  const query = {
    columns: `${COLUMNS}, place`,
    table: 'wallets',
    followed: WALLETS_LIST,
    index: { prefix: ['tenant_id', toUuid(tenantId)] as const, key: 'place' },
  };
  const page = mapPage(await readPage<Row>(db, query, request), fromRow);
  return { ...page, rows: await withBalances(db, page.rows) };
}

/**
 * Locks a wallet until the transaction ends. Before taking money, read the balance under this lock, in a later
 * statement, so that two payments never spend the same money.
 */
export async function lockWallet(db: Queryable, tenantId: PublicId, id: PublicId): Promise<Wallet | undefined> {
  const { rows } = await db.query<Row>({
    name: 'lock-wallet',
    text: `SELECT ${COLUMNS} FROM wallets WHERE id = $1 AND tenant_id = $2 FOR UPDATE`,
    values: [toUuid(id), toUuid(tenantId)],
  });
  return rows[0] === undefined ? undefined : fromRow(rows[0]);
}

/**
 * Locks wallets until the transaction ends, and reads what is in them under the locks. In the order of their ids, so that
 * two transactions that want the same ones wait for each other and do not lock each other out.
 *
 * @returns those that exist, each once, of any tenant. Index: wallets_pkey
 */
export async function lockWallets(db: Queryable, ids: readonly PublicId[]): Promise<WalletWithBalance[]> {
  const { rows } = await db.query<Row>({
    name: 'lock-wallets',
    text: `SELECT ${COLUMNS} FROM wallets WHERE id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE`,
    values: [[...new Set(ids.map(toUuid))]],
  });
  return withBalances(db, rows.map(fromRow));
}

/** What a wallet's ledger accounts add up to. We owe it to the customer, so the ledger has it as credits. */
export async function withBalance(db: Queryable, wallet: Wallet): Promise<WalletWithBalance> {
  const { tenantId, id, currency } = wallet;
  const available = -(await accountBalance(db, { tenantId, code: ACCOUNTS.wallet(id), currency }));
  const held = -(await accountBalance(db, { tenantId, code: ACCOUNTS.walletHeld(id), currency }));
  return { ...wallet, balance: available + held, held, available };
}

export async function findWalletWithBalance(
  db: Queryable,
  tenantId: PublicId,
  id: PublicId,
): Promise<WalletWithBalance | undefined> {
  const wallet = await findWallet(db, tenantId, id);
  return wallet && withBalance(db, wallet);
}

/** As {@link withBalance}, for many. */
async function withBalances(db: Queryable, wallets: readonly Wallet[]): Promise<WalletWithBalance[]> {
  const accounts = wallets.flatMap(({ tenantId, id, currency }) => [
    { tenantId, code: ACCOUNTS.wallet(id), currency },
    { tenantId, code: ACCOUNTS.walletHeld(id), currency },
  ]);
  const balances = await accountBalances(db, accounts);
  return wallets.map((wallet, index) => {
    const available = -(balances[2 * index] ?? 0n);
    const held = -(balances[2 * index + 1] ?? 0n);
    return { ...wallet, balance: available + held, held, available };
  });
}

function fromRow(row: Row): Wallet {
  return {
    id: fromUuid('wal', row.id),
    tenantId: fromUuid('ten', row.tenant_id),
    currency: row.currency,
    owner: row.owner,
    createdAt: row.created_at,
  };
}
