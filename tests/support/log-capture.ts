import pino from 'pino';
import { createLogger, type Logger } from '../../infra/log';

export interface LogCapture {
  log: Logger;
  /** What was written, a line an entry. */
  lines: string[];
  records(): Record<string, unknown>[];
}

/** The process's logger, redaction and all, writing into an array. */
export function captureLog(level = 'trace'): LogCapture {
  const log = createLogger(level, 'test');
  const lines: string[] = [];
  Object.assign(log, { [pino.symbols.streamSym]: sink(lines) });
  return { log, lines, records: () => lines.map((line) => JSON.parse(line)) };
}

/** A logger that hides nothing, to check for what must never be logged. */
export function captureEverything(): LogCapture {
  const lines: string[] = [];
  return { log: pino({ level: 'trace' }, sink(lines)), lines, records: () => lines.map((line) => JSON.parse(line)) };
}

function sink(lines: string[]): { write(line: string): void } {
  return {
    write: (line) => {
      lines.push(line);
    },
  };
}
