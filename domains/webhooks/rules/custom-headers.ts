/** Most custom headers of one endpoint. */
export const MAX_CUSTOM_HEADERS = 20;

/** Names that belong to the connection, to the signature or to the sending client. */
const RESERVED = new Set([
  ...['host', 'connection', 'keep-alive', 'proxy-connection', 'proxy-authorization', 'proxy-authenticate'],
  ...['transfer-encoding', 'content-length', 'content-type', 'content-encoding', 'upgrade', 'expect', 'te', 'trailer'],
  ...['http2-settings', 'accept-encoding', 'date'],
]);

/** Whether Waybill sets a header itself. @param name - in lower case */
export function isReservedHeader(name: string): boolean {
  return RESERVED.has(name) || name.startsWith('webhook-');
}
