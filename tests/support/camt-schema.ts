import { readFileSync } from 'node:fs';
import path from 'node:path';
import { validateXML } from 'xmllint-wasm';

/** The schema as ISO 20022 publishes it. */
const SCHEMA = readFileSync(path.join(__dirname, 'schemas', 'camt.053.001.08.xsd'), 'utf8');

/** What libxml2 finds wrong with a message, by the standard's schema of camt.053.001.08. */
export async function camtSchemaErrors(xml: string): Promise<string[]> {
  const { errors } = await validateXML({
    xml: [{ fileName: 'message.xml', contents: xml }],
    schema: [{ fileName: 'camt.053.001.08.xsd', contents: SCHEMA }],
    initialMemoryPages: 512,
    maxMemoryPages: 4096,
  });
  return errors.map(({ message }) => message);
}
