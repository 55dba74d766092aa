import { SaxesParser } from 'saxes';

/** An element of an XML document. */
export interface XmlElement {
  name: string;
  attributes: Record<string, string>;
  children: XmlElement[];
  /** All text directly in it. */
  text: string;
}

/**
 * Reads a document by saxes, as strictly as XML 1.0 demands. fast-xml-parser accepts control characters and undefined
 * entities, which these tests must find.
 *
 * @throws Error when it is not well-formed
 */
export function parseXml(text: string): XmlElement {
  const top: XmlElement = { name: '', attributes: {}, children: [], text: '' };
  const open = [top];
  const current = () => open.at(-1) ?? top;
  const parser = new SaxesParser();
  parser.on('error', (error) => {
    throw error;
  });
  parser.on('opentag', ({ name, attributes }) => {
    const element: XmlElement = { name, attributes, children: [], text: '' };
    current().children.push(element);
    open.push(element);
  });
  parser.on('text', (piece) => {
    current().text += piece;
  });
  parser.on('closetag', () => {
    open.pop();
  });
  parser.write(text).close();
  const [root] = top.children;
  if (root === undefined) throw new Error('there must be a root');
  return root;
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
