import { Counter, Histogram, type Registry } from 'prom-client';

/** An answered request. */
export interface RequestObservation {
  method: string;
  /** The route's template, or `unmatched`. */
  route: string;
  status: number;
  seconds: number;
}

/** The fate of a request with an idempotency key; `taken-over`: executed again after an execution that had stopped. */
export type IdempotentOutcome = 'executed' | 'taken-over' | 'replayed' | 'in-flight' | 'other-request';

/** The API's metrics of its requests. */
export interface RequestMetrics {
  observeRequest(observation: RequestObservation): void;
  countIdempotent(outcome: IdempotentOutcome): void;
}

/** OpenTelemetry's buckets for HTTP, plus those of our objectives (2 s, 3 s). */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2, 2.5, 3, 5, 7.5, 10];
const KNOWN_METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** Counts requests in a Prometheus registry; the duration has its name from OpenTelemetry's conventions. */
export function requestMetrics(registry: Registry): RequestMetrics {
  const duration = new Histogram({
    name: 'http_server_request_duration_seconds',
    help: 'Duration of HTTP server requests.',
    labelNames: ['http_request_method', 'http_route', 'http_response_status_code'],
    buckets: BUCKETS,
    registers: [registry],
  });
  const idempotent = new Counter({
    name: 'http_server_idempotent_requests_total',
    help: 'Requests with an Idempotency-Key, by what became of them.',
    labelNames: ['outcome'] as const,
    registers: [registry],
  });
  return {
    observeRequest: ({ method, route, status, seconds }) =>
      duration.observe(
        {
          http_request_method: KNOWN_METHODS.has(method) ? method : '_OTHER',
          http_route: route,
          http_response_status_code: status,
        },
        seconds,
      ),
    countIdempotent: (outcome) => idempotent.inc({ outcome }),
  };
}
