/** Unit tests stand beside their file; the others in tests/. Servers are started by `npm test` (infra/setup/commands/test.ts). */
module.exports = {
  testEnvironment: 'node',
  testMatch: [
    '<rootDir>/{core,domains,infra,api,workflows,activities,worker,bench}/**/*.test.ts',
    '<rootDir>/tests/**/*.test.ts',
  ],
  testPathIgnorePatterns: ['/node_modules/', '/dist/', '/.waybill/'],
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/.waybill/'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2022',
          parser: { syntax: 'typescript', decorators: true },
          transform: { decoratorVersion: '2022-03' },
        },
        module: { type: 'commonjs', ignoreDynamic: true },
      },
    ],
  },
  globalSetup: '<rootDir>/tests/support/global-setup.ts',
  testTimeout: 120_000,
  // Three on two processors: tests wait for servers half of their time.
  maxWorkers: 3,
};
