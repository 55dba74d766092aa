const BYTE_ORDER_MARK = '\ufeff';

/** RFC 8259 lets a reader ignore it, and in a file it is no part of the text. */
export function withoutMark(text: string): string {
  return text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text;
}
