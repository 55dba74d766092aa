import { Client } from 'pg';

/** Makes the naive server's database on Waybill's Postgres; returns its address. */
export async function createNaiveDatabase(address: string): Promise<string> {
  const client = new Client({ connectionString: address });
  await client.connect();
  try {
    await client.query('CREATE DATABASE naive');
  } finally {
    await client.end();
  }
  const url = new URL(address);
  url.pathname = '/naive';
  return url.href;
}
