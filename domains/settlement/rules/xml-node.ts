/** An element of an XML document, without its namespace's prefix. */
export interface XmlNode {
  name: string;
  attributes: Readonly<Record<string, string>>;
  children: XmlNode[];
  /** All text directly in it. */
  text: string;
}

/** All descendants along a path such as `NtryDtls/TxDtls`. */
export function childrenAt(element: XmlNode, path: string): XmlNode[] {
  return path
    .split('/')
    .reduce(
      (found, name) => found.flatMap(({ children }) => children.filter((child) => child.name === name)),
      [element],
    );
}

/** The text of the first descendant along a path; undefined when it is empty or not there. */
export function textAt(element: XmlNode, path: string): string | undefined {
  const text = childrenAt(element, path)[0]?.text.trim();
  return text === '' ? undefined : text;
}
