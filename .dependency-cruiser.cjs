// Who may import whom. Folders not named in a rule's `to` are open to everybody.
const ours = '^(core|store|infra|workflows|activities|api|worker|bench|tests)/';
const only = (name, from, allowed, extra = {}) => ({
  name,
  severity: 'error',
  from: { path: from, pathNot: '\\.test\\.ts$' },
  to: { path: ours, pathNot: allowed, ...extra },
});

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    only('core-imports-nothing', '^core/', '^core/'),
    only('store-imports', '^store/', '^(core|store|infra/postgres)/|^infra/log'),
    only('infra-imports', '^infra/(?!setup/)', '^(core|infra)/'),
    only('workflows-import', '^workflows/', '^(core|workflows)/|^infra/temporal/(names|search-attributes)', {
      dependencyTypesNot: ['type-only'],
    }),
    only('workflows-types-from-activities', '^workflows/', '^(core|workflows|activities|infra/temporal)/'),
    only('activities-import', '^activities/', '^(core|store|infra|activities)/', { dependencyTypesNot: ['type-only'] }),
    only('api-imports', '^api/', '^(core|store|infra|api|activities/webhooks)/', { dependencyTypesNot: ['type-only'] }),
    only('worker-imports', '^worker/', '^(core|store|infra|activities|workflows|worker)/'),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|node_modules|\\.waybill)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { extensions: ['.ts', '.js', '.json'] },
  },
};
