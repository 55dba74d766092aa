/** Headers that belong to the connection or that the client sets itself: the caller's are dropped. */
const OURS = new Set([
  ...['host', 'connection', 'keep-alive', 'proxy-connection', 'proxy-authorization', 'transfer-encoding', 'upgrade'],
  ...['content-length', 'expect', 'te', 'trailer', 'http2-settings', 'accept-encoding'],
]);
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
const INVALID_VALUE = /[^\t\x20-\x7e\x80-\xff]/;
const MAX_NAMES = 2_000;

/** From a name as given to its lower-case form, or `''` for one of {@link OURS}; endpoints reuse a few names. */
const names = new Map<string, string>();

/**
 * Makes the flat `[name, value, …]` list that both kinds of connection send: names in lower case, each once (the last given
 * wins), none of those that belong to the connection.
 *
 * @returns `undefined` if a name or value cannot be sent
 */
export function prepareHeaders(headers: Readonly<Record<string, string>>): string[] | undefined {
  const list: string[] = [];
  let renamed = false;
  for (const given in headers) {
    const name = names.get(given) ?? learn(given);
    if (name === undefined) return undefined;
    if (name === '') continue;
    const value = headers[given];
    if (value === undefined || INVALID_VALUE.test(value)) return undefined;
    renamed ||= name !== given;
    list.push(name, value);
  }
  return renamed ? lastOfEach(list) : list;
}

function learn(given: string): string | undefined {
  const lower = given.toLowerCase();
  if (!TOKEN.test(lower)) return undefined;
  const name = OURS.has(lower) ? '' : lower;
  if (names.size < MAX_NAMES) names.set(given, name);
  return name;
}

function lastOfEach(list: readonly string[]): string[] {
  const values = new Map<string, string>();
  for (let index = 0; index < list.length; index += 2) values.set(list[index] ?? '', list[index + 1] ?? '');
  return [...values].flat();
}
