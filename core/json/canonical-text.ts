import { stringAt } from './members';
import { canonicalNumber } from './number';
import { afterColon, afterSpace, endOfScalar, endOfString, endOfValue, mustEnd } from './scan';

/** Levels of objects and arrays. */
const MAX_DEPTH = 200;

/**
 * The canonical form of a JSON text (RFC 8785, with numbers as exact as they are written): texts that say the same have
 * the same form, whatever their white space, order of names, escapes, and spelling of numbers. A name that comes
 * twice in an object is kept twice, in its order. For a value that JavaScript reads without loss it is the text that
 * `canonicalJson` makes of the value.
 *
 * @param text - JSON
 * @throws JsonTextError also for more than 200 levels
 */
export function canonicalJsonText(text: string): string {
  const from = afterSpace(text, 0);
  // Checked first, so that what follows need not be.
  mustEnd(text, endOfValue(text, from, { maxDepth: MAX_DEPTH }));
  return new Reader(text, from).value();
}

/** Reads valid JSON. */
class Reader {
  constructor(
    private readonly text: string,
    private at: number,
  ) {}

  value(): string {
    const first = this.text[this.at];
    if (first === '{') return this.object();
    if (first === '[') return this.array();
    return first === '"' ? this.string() : this.scalar();
  }

  private object(): string {
    const members: [name: string, text: string][] = [];
    while (this.another('}')) {
      const from = this.at;
      const written = this.string();
      const name = stringAt(this.text, from, this.at);
      this.at = afterColon(this.text, this.at);
      members.push([name, `${written}:${this.value()}`]);
    }
    members.sort(([one], [other]) => (one < other ? -1 : one > other ? 1 : 0));
    return `{${members.map(([, text]) => text).join(',')}}`;
  }

  private array(): string {
    const entries: string[] = [];
    while (this.another(']')) entries.push(this.value());
    return `[${entries.join(',')}]`;
  }

  /** Goes to the next entry, behind `{`, `[` or `,`, or behind the closer. */
  private another(closer: string): boolean {
    let at = afterSpace(this.text, this.at);
    if (this.text[at] !== closer) {
      at = afterSpace(this.text, at + 1);
      this.at = at;
      if (this.text[at] !== closer) return true;
    }
    this.at = at + 1;
    return false;
  }

  private string(): string {
    const from = this.at;
    this.at = endOfString(this.text, from);
    const written = this.text.slice(from, this.at);
    return written.includes('\\') ? JSON.stringify(JSON.parse(written)) : written;
  }

  private scalar(): string {
    const from = this.at;
    this.at = endOfScalar(this.text, from);
    const written = this.text.slice(from, this.at);
    return written >= 'a' ? written : canonicalNumber(written);
  }
}
