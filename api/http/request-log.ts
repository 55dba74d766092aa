import type { RequestHandler } from 'express';
import { grouped } from '../../core/grouped';
import type { Logger } from '../../infra/log';
import { attachExchange, Exchange, sendProblem } from './exchange';
import { brokenPrecondition } from './preconditions';
import { Problem } from './problems';
import type { RequestMetrics } from './request-metrics';

const MAX_URL_LENGTH = 8_192;

/** Begins every request's exchange, and counts and logs it at its end. */
export function beginExchange(log: Logger, metrics: RequestMetrics): RequestHandler {
  return (req, res, next) => {
    const id = req.headers['x-request-id'];
    const exchange = new Exchange(typeof id === 'string' ? id : undefined, log);
    attachExchange(res, exchange);
    res.once('close', () => {
      const seconds = (performance.now() - exchange.startedAt) / 1000;
      const { route } = exchange;
      metrics.observeRequest({ method: req.method, route, status: res.statusCode, seconds });
      if (log.isLevelEnabled('debug')) {
        const answered = res.writableFinished;
        exchange.log.debug({ method: req.method, route, status: res.statusCode, seconds, answered }, 'request');
      }
    });
    const problem = req.url.length > MAX_URL_LENGTH ? tooLong(req.url.length) : brokenPrecondition(req);
    if (problem === undefined) next();
    else sendProblem(req, res, problem);
  };
}

function tooLong(length: number): Problem {
  const [most, sent] = [MAX_URL_LENGTH, length].map(grouped);
  return new Problem('uri-too-long', { detail: `Path and query may have ${most} characters; these have ${sent}.` });
}
