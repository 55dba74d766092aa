import path from 'node:path';
import type { Express, RequestHandler } from 'express';
import helmet from 'helmet';
import { refuseMethod } from '../http/adapter';
import { exchangeOf, send } from '../http/exchange';
import { PROBLEM_PAGE } from '../http/problems';
import { problemPage } from './problem-page';

const HTML = 'text/html; charset=utf-8';
const SCRIPT = 'text/javascript; charset=utf-8';
const ASSETS = ['swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png'];
const DAY_SECONDS = 86_400;

/** Swagger UI shows pictures as data: URIs and sets style attributes; nothing comes from another host. */
const CONTENT_SECURITY_POLICY = {
  defaultSrc: ["'none'"],
  scriptSrc: ["'self'"],
  styleSrc: ["'self'", "'unsafe-inline'"],
  imgSrc: ["'self'", 'data:'],
  fontSrc: ["'self'"],
  connectSrc: ["'self'"],
  baseUri: ["'none'"],
  formAction: ["'none'"],
  frameAncestors: ["'none'"],
  objectSrc: ["'none'"],
};

const DOCS_PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Waybill API</title>
<link rel="icon" href="/docs/assets/favicon-32x32.png">
<link rel="stylesheet" href="/docs/assets/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/assets/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`;

const START_SCRIPT = `SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#swagger-ui',
  deepLinking: true,
  docExpansion: 'list',
  defaultModelsExpandDepth: 0,
  tryItOutEnabled: true,
  validatorUrl: null,
});
`;

/** Pages for people: interactive documentation and the list of errors. Everything is served from here. */
export function mountPages(app: Express): void {
  const folder = path.dirname(require.resolve('swagger-ui-dist/package.json'));
  app.get('/', (_req, res) => send(res, exchangeOf(res), { status: 302, headers: { location: '/docs' } }));
  app.use('/docs', helmet({ contentSecurityPolicy: { useDefaults: false, directives: CONTENT_SECURITY_POLICY } }));
  app.get('/docs/', (_req, res) => send(res, exchangeOf(res), { status: 302, headers: { location: '/docs' } }));
  app.get('/docs', page('/docs', HTML, DOCS_PAGE));
  app.get('/docs/start.js', page('/docs/start.js', SCRIPT, START_SCRIPT));
  app.get(PROBLEM_PAGE, page(PROBLEM_PAGE, HTML, problemPage()));
  for (const asset of ASSETS) {
    const file = path.join(folder, asset);
    app.get(`/docs/assets/${asset}`, (_req, res, next) => {
      exchangeOf(res).route = '/docs/assets';
      res.sendFile(file, { maxAge: DAY_SECONDS * 1000 }, (error) => {
        if (error !== undefined && error !== null && !res.headersSent) next(error);
      });
    });
  }
  const paths = [
    '/',
    '/docs',
    '/docs/',
    '/docs/start.js',
    PROBLEM_PAGE,
    ...ASSETS.map((asset) => `/docs/assets/${asset}`),
  ];
  for (const path of paths) app.route(path).all(refuseMethod(['GET', 'HEAD']));
}

function page(route: string, contentType: string, body: string): RequestHandler {
  return (_req, res) => {
    const exchange = exchangeOf(res);
    exchange.route = route;
    send(res, exchange, { status: 200, contentType, body });
  };
}
