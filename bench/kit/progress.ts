/** Prints a line of progress with the time since this process started. Standard output is for the result. */
export function progress(line: string): void {
  const seconds = (performance.now() / 1_000).toFixed(1).padStart(6);
  process.stderr.write(`[${seconds} s] ${line}\n`);
}
