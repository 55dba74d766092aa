// Who may import whom: docs/architecture.md. Each rule has a fixture that breaks it (tests/architecture).
const OURS = '^(core|domains|infra|workflows|activities|api|worker|bench|tests)/';
const TESTS = '\\.test\\.ts$';
/** Type-only imports are erased: they tie no code together. */
const RUNTIME = { dependencyTypesNot: ['type-only'] };
const TYPES = { dependencyTypes: ['type-only'] };

/** What stands at `from` may import nothing of ours but what `allowed` matches. */
const only = (name, from, allowed, extra = {}) => ({
  name,
  severity: 'error',
  from: { path: from, pathNot: TESTS },
  to: { path: OURS, pathNot: allowed, ...extra },
});

/** Packages and built-ins that reach outside of the process. */
const IO = [
  ...['pg', 'ioredis', 'undici', 'express', 'pino', 'prom-client'].map((name) => `node_modules/${name}/`),
  ...['client', 'worker', 'activity'].map((name) => `node_modules/@temporalio/${name}/`),
  ...['fs', 'net', 'tls', 'http', 'https', 'http2', 'dns', 'child_process', 'worker_threads'].map(
    (name) => `^${name}$`,
  ),
];

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    only('core-imports-nothing', '^core/', '^core/'),
    only('infra-imports', '^infra/(?!setup/)', '^(core/|infra/(?!setup/))'),
    only(
      'domains-import',
      '^domains/([^/]+)/(?!rules/)',
      '^(core/|infra/(?!setup/)|domains/$1/|domains/[^/]+/index\\.ts$)',
    ),
    only('rules-import', '^domains/[^/]+/rules/', '^(core/|domains/[^/]+/rules/)'),
    {
      name: 'rules-do-no-io',
      severity: 'error',
      from: { path: '^(core|domains/[^/]+/rules)/', pathNot: TESTS },
      to: { path: IO, ...RUNTIME },
    },
    only(
      'workflows-import',
      '^workflows/',
      '^(core|workflows|domains/[^/]+/rules)/|^infra/temporal/(carry-on|search-attributes|task-queues)\\.ts$',
      RUNTIME,
    ),
    only(
      'workflows-types-from-activities',
      '^workflows/',
      '^(core|workflows|activities|infra/temporal|domains/[^/]+/rules)/',
      TYPES,
    ),
    only('activities-import', '^activities/', '^(core|activities)/|^domains/[^/]+/index\\.ts$', RUNTIME),
    only(
      'activities-import-types',
      '^activities/',
      '^(core|activities|infra/(?!setup/))|^domains/[^/]+/index\\.ts$',
      TYPES,
    ),
    only('api-doors-import', '^api/(?!http/)([^/]+)/', '^(core|api/http|api/$1)/|^domains/[^/]+/index\\.ts$'),
    only(
      'api-kit-imports',
      '^api/http/',
      '^(core/|api/http/|infra/(?!setup/)|domains/(accounts|approvals|idempotency)/index\\.ts$)',
    ),
    only('api-main-imports', '^api/[^/]+\\.ts$', '^(core/|api/|infra/(?!setup/)|domains/[^/]+/index\\.ts$)'),
    only(
      'worker-imports',
      '^worker/',
      '^(core/|infra/(?!setup/)|activities/|workflows/|worker/|domains/[^/]+/index\\.ts$)',
    ),
    {
      name: 'domains-know-no-door',
      severity: 'error',
      from: { path: '^domains/', pathNot: TESTS },
      to: { path: ['node_modules/@temporalio/(activity|worker|workflow)/', 'node_modules/express/'] },
    },
    {
      name: 'production-needs-no-tools',
      severity: 'error',
      from: { path: '^(core|domains|infra/(?!setup/)|workflows|activities|api|worker)/', pathNot: TESTS },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
    only(
      'setup-runs-programs',
      '^infra/setup/processes/',
      '^(core/|infra/(?!setup/)|infra/setup/(processes/|[^/]+\\.ts$))',
    ),
    only(
      'setup-runs-servers',
      '^infra/setup/servers/',
      '^(core/|infra/(?!setup/)|infra/setup/(servers/|processes/|[^/]+\\.ts$))',
    ),
    {
      name: 'temporal-client-only-in-starters',
      severity: 'error',
      from: {
        path: OURS,
        pathNot: [
          TESTS,
          '^(bench|tests|infra/setup|infra/temporal)/',
          '^domains/[^/]+/start\\.ts$',
          '^(api|worker)/main\\.ts$',
        ],
      },
      to: { path: 'node_modules/@temporalio/client/', ...RUNTIME },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|\\.waybill)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: require('node:path').join(__dirname, 'tsconfig.json') },
    enhancedResolveOptions: { extensions: ['.ts', '.js', '.json'] },
  },
};
