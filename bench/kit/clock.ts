/**
 * Milliseconds on the machine's monotonic clock, to the microsecond. Every process of a run reads the same clock, so a
 * moment taken in one may be compared with a moment taken in another.
 */
export function clockMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1_000 + nanoseconds / 1e6;
}
