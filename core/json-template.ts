const PLACE = /\{\{(\w+)\}\}/g;

/** Whether a text is JSON once its places are filled, whatever they are filled with. */
export function isJsonTemplate(text: string): boolean {
  try {
    // Outside of a text this would break: a value could then change the structure.
    JSON.parse(text.replace(PLACE, 'x y'));
    return true;
  } catch {
    return false;
  }
}

/** Fills the places `{{name}}` of a JSON template. Values are escaped, so that they stay within their texts. */
export function fillJsonTemplate(template: string, values: Readonly<Record<string, string | number>>): string {
  return template.replace(PLACE, (_place, name: string) => {
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    return JSON.stringify(String(value ?? '')).slice(1, -1);
  });
}
