const UNITS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const SHAPE = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/;

/**
 * Reads a duration such as `250ms`, `5s`, `1.5m`, `2h` or `7d`.
 *
 * @returns whole milliseconds, or `undefined` when the text is not a duration, or one too long to count exactly
 */
export function parseDuration(text: string): number | undefined {
  const match = SHAPE.exec(text);
  const unit = match?.[2] === undefined ? undefined : UNITS[match[2]];
  if (unit === undefined) return undefined;
  const ms = Math.round(Number(match?.[1]) * unit);
  return Number.isSafeInteger(ms) ? ms : undefined;
}

/** Writes milliseconds with the largest unit that divides them, the inverse of {@link parseDuration}. */
export function formatDuration(ms: number): string {
  for (const unit of ['d', 'h', 'm', 's']) {
    const size = UNITS[unit] ?? 1;
    if (ms >= size && ms % size === 0) return `${ms / size}${unit}`;
  }
  return `${ms}ms`;
}
