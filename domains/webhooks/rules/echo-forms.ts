/** Bytes that must not be shown; `named` are the ones too short to be looked for anywhere but right after their name. */
export interface Hidden {
  /** In lower case, the longest first. */
  forms: readonly string[];
  /** A header's name and value, both in lower case. */
  named: readonly { name: string; value: string }[];
}

/** Shorter values are ordinary words: hiding each of their occurrences would only garble a text. */
export const SHORTEST_SECRET = 8;

/** A signature in base64 has 43 characters, without its padding. */
export const SHORTEST_SIGNATURE = 40;

/** What to hide of an endpoint: its custom headers' values and its signing keys, as a receiver could write them. */
export function hiddenOf(headers: Readonly<Record<string, string>>, keys: readonly Buffer[]): Hidden {
  const forms = new Set<string>();
  const named: { name: string; value: string }[] = [];
  for (const [name, value] of Object.entries(headers)) {
    if (value.length < SHORTEST_SECRET) named.push({ name: name.toLowerCase(), value: value.toLowerCase() });
    for (const part of partsOf(value)) addForms(forms, Buffer.from(part));
  }
  for (const key of keys) {
    addForms(forms, key);
    addForms(forms, Buffer.from(`whsec_${key.toString('base64')}`));
  }
  return { forms: [...forms].sort((a, b) => b.length - a.length), named };
}

/** The forms of a `webhook-signature` header. Few: they are made for every message that is answered with a text. */
export function signatureForms(signature: string): string[] {
  return signature.split(' ').flatMap((one) => {
    const encoded = one.slice(one.indexOf(',') + 1).replace(/=+$/, '');
    const url = encoded.replaceAll('+', '-').replaceAll('/', '_');
    return [encoded.toLowerCase(), url.toLowerCase(), Buffer.from(encoded, 'base64').toString('hex')];
  });
}

/** A value, and what an authentication scheme makes of it: the token of `Bearer`, user and password of `Basic`. */
function partsOf(value: string): string[] {
  const parts = [value];
  const [scheme = '', token] = value.split(/ +/, 2);
  if (token !== undefined) parts.push(value.slice(scheme.length).trim());
  if (token !== undefined && scheme.toLowerCase() === 'basic') {
    const pair = Buffer.from(token, 'base64').toString();
    parts.push(pair, pair.slice(pair.indexOf(':') + 1));
  }
  return parts.filter((part) => part.length >= SHORTEST_SECRET);
}

/** The bytes as text, in hex, and in base64 wherever in a longer text they stand. */
function addForms(forms: Set<string>, bytes: Buffer): void {
  const text = bytes.toString();
  if (/^[\x20-\x7e]+$/.test(text)) {
    forms.add(text.toLowerCase());
    // As HTML forms write it.
    forms.add(text.replaceAll(' ', '+').toLowerCase());
  }
  forms.add(bytes.toString('hex'));
  forms.add(bytes.toString('base64').replace(/=+$/, '').toLowerCase());
  forms.add(bytes.toString('base64url').toLowerCase());
  for (const before of [0, 1, 2]) {
    // The characters that depend on these bytes alone, whatever surrounds them.
    const padded = Buffer.concat([Buffer.alloc(before), bytes]);
    const sure = padded.toString('base64').slice(Math.ceil((before * 4) / 3), Math.floor((padded.length * 4) / 3));
    forms.add(sure.toLowerCase());
    forms.add(sure.replaceAll('+', '-').replaceAll('/', '_').toLowerCase());
  }
}
