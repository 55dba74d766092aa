import { readSns } from '../rules/sns';
import { type SignedRequest, type Verdict, verifyInbound } from '../rules/verify';
import type { Sns } from './sns';
import type { KnownSource } from './source-cache';

/** Verifies a request to a source, by its secrets or by the certificate that the request names. @throws SnsUnreachable */
export async function judge(sns: () => Sns, { source, keys }: KnownSource, request: SignedRequest): Promise<Verdict> {
  const certified = source.scheme === 'sns' ? await certifiedKeys(sns, source.topicArns, request.body) : [];
  const nowMs = Date.now();
  const valid = keys.filter(({ expiresAt }) => expiresAt === undefined || expiresAt.getTime() > nowMs);
  return verifyInbound(source, [...valid.map(({ key }) => key), ...certified], request, nowMs);
}

/** Nothing is fetched for what will be refused anyway. */
async function certifiedKeys(sns: () => Sns, topicArns: readonly string[], body: Buffer): Promise<Buffer[]> {
  const message = readSns(body);
  if (message === undefined || !topicArns.includes(message.topicArn)) return [];
  const key = await sns().keyFor(message);
  return key === undefined ? [] : [key];
}
