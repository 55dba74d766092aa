import type { Registry } from 'prom-client';

/** Prometheus asks every few seconds at the most; whoever asks more often gets what it has just got. */
const MAX_AGE_MS = 1_000;

/** The text that Prometheus reads. */
export interface MetricsPage {
  contentType: string;
  /** Renders the registry, or gives the text of a second ago; who asks while it is rendered waits for that text. */
  render(): Promise<string>;
}

export interface MetricsPageOptions {
  /** A clock in milliseconds that never goes back. */
  now?: () => number;
}

/**
 * The page of a registry. Rendering costs processor time, memory, and a query for what is measured in the database, so
 * it is done at most once a second however many ask.
 */
export function createMetricsPage(
  registry: Pick<Registry, 'metrics' | 'contentType'>,
  options: MetricsPageOptions = {},
): MetricsPage {
  const now = options.now ?? (() => performance.now());
  let rendered: Promise<string> | undefined;
  let freshUntil = 0;

  return {
    contentType: registry.contentType,
    render() {
      if (rendered !== undefined && now() < freshUntil) return rendered;
      const text = registry.metrics();
      rendered = text;
      // However long it takes, nobody begins a second rendering meanwhile.
      freshUntil = Number.POSITIVE_INFINITY;
      text.then(
        () => {
          freshUntil = now() + MAX_AGE_MS;
        },
        () => {
          rendered = undefined;
        },
      );
      return text;
    },
  };
}
