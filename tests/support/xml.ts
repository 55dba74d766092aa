/** An element of an XML document. */
export interface XmlElement {
  name: string;
  attributes: Record<string, string>;
  children: XmlElement[];
  /** Of an element without children. */
  text: string;
}

const TOKEN = /<\?xml[^?]*\?>|<(\/?)([A-Za-z][\w:]*)((?: [\w:]+="[^"<]*")*)>|[^<]+/y;
const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what XML forbids
const FORBIDDEN = /[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/;

/** Reads a document without comments and the like. @throws Error when it is not well-formed */
export function parseXml(text: string): XmlElement {
  if (FORBIDDEN.test(text)) throw new Error('a character that XML does not have');
  const top: XmlElement = { name: '', attributes: {}, children: [], text: '' };
  const open = [top];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (match === null) throw new Error(`not well-formed at ${at}: ${text.slice(at, at + 60)}`);
    const [token, slash, name, attributes = ''] = match;
    const current = open.at(-1) ?? top;
    if (token.startsWith('<?')) continue;
    if (name === undefined) current.text += unescaped(token);
    else if (slash === '/') {
      if (current.name !== name) throw new Error(`</${name}> ends <${current.name}>`);
      open.pop();
    } else {
      const element: XmlElement = { name, attributes: attributesOf(attributes), children: [], text: '' };
      current.children.push(element);
      open.push(element);
    }
  }
  const [root, ...others] = top.children;
  if (open.length !== 1 || root === undefined || others.length > 0) throw new Error('there must be one whole root');
  return root;
}

function attributesOf(text: string): Record<string, string> {
  const pairs = [...text.matchAll(/ ([\w:]+)="([^"]*)"/g)];
  return Object.fromEntries(pairs.map(([, name = '', value = '']) => [name, unescaped(value)]));
}

function unescaped(text: string): string {
  return text.replace(/&(\w*);?/g, (reference, name: string) => {
    const character = reference.endsWith(';') ? ENTITIES[name] : undefined;
    if (character === undefined) throw new Error(`${reference} is no entity`);
    return character;
  });
}

/** The child elements of a name. */
export function childrenOf(element: XmlElement, name: string): XmlElement[] {
  return element.children.filter((child) => child.name === name);
}

/** The only descendant along a path such as `Acct/Ccy`. @throws Error when there is none, or more than one */
export function only(element: XmlElement, path: string): XmlElement {
  return path.split('/').reduce((at, name) => {
    const [found, ...others] = childrenOf(at, name);
    if (found === undefined || others.length > 0)
      throw new Error(`${name} in ${at.name}: ${others.length + 1} or none`);
    return found;
  }, element);
}
