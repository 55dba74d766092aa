/** Keeps the beginning of a response body and counts the rest. */
export class ResponseBody {
  private kept: Buffer[] = [];
  private keptBytes = 0;
  private totalBytes = 0;
  /** Set when the body is known to go on beyond what was pushed. */
  incomplete = false;

  constructor(
    private readonly keepBytes: number,
    private readonly maxBytes: number,
  ) {}

  /** @returns whether the body is still within `maxBytes` */
  push(chunk: Buffer): boolean {
    this.totalBytes += chunk.length;
    const room = this.keepBytes - this.keptBytes;
    if (room > 0) {
      const piece = chunk.length > room ? chunk.subarray(0, room) : chunk;
      this.kept.push(piece);
      this.keptBytes += piece.length;
    }
    if (this.totalBytes <= this.maxBytes) return true;
    this.incomplete = true;
    return false;
  }

  /** Whether nothing has come. */
  get empty(): boolean {
    return this.totalBytes === 0;
  }

  /** Drops what was kept; it counts as cut off. */
  forget(): void {
    this.kept = [];
    this.keptBytes = 0;
    this.incomplete = true;
  }

  get truncated(): boolean {
    return this.incomplete || this.totalBytes > this.keptBytes;
  }

  /** The kept part as text: valid UTF-8, without the NUL characters that Postgres refuses, cut between characters. */
  text(): string {
    const [first] = this.kept;
    if (first === undefined) return '';
    const bytes = this.kept.length === 1 ? first : Buffer.concat(this.kept);
    const text = bytes.toString('utf8', 0, this.truncated ? wholeCharacters(bytes) : bytes.length);
    return text.includes('\0') ? text.replaceAll('\0', '') : text;
  }
}

/** The length without a multi-byte UTF-8 character cut off at the end. */
function wholeCharacters(bytes: Buffer): number {
  for (let back = 1; back <= 4 && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    const needs = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return needs > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}
