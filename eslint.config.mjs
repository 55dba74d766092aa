// Biome formats and lints; ESLint adds only what needs type information, and what is said of one folder alone.
import { builtinModules } from 'node:module';
import tseslint from 'typescript-eslint';

const nodeBuiltins = builtinModules.filter((name) => name !== 'assert');

/** Texts that are a statement of SQL, or the beginning of one. */
const SQL =
  '/^\\s*(SELECT\\s|INSERT INTO\\s|UPDATE\\s\\w+\\s(\\w+\\s)?SET\\s|DELETE FROM\\s|WITH\\s\\w+\\s(\\(.*\\)\\s)?AS\\s|TRUNCATE\\s|(CREATE|ALTER|DROP)\\s(TABLE|INDEX)\\s)/s';
const SQL_MESSAGE = 'SQL stands in domains/*/store and infra/postgres: give the statement a function there.';
const THIN_MESSAGE = 'An activity is a thin wrapper: one expression that calls one use case.';

/** Where a fixture of a test stands for a file of the project. */
const FIXTURES = 'tests/architecture/fixtures';
const anywhere = (...globs) => globs.flatMap((glob) => [glob, `${FIXTURES}/${glob}`]);

export default tseslint.config(
  { ignores: ['dist/**', 'node_modules/**', '.waybill/**', '**/*.mjs', '**/*.cjs', '**/*.js'] },
  { files: ['**/*.ts'], languageOptions: { parser: tseslint.parser } },
  {
    files: ['**/*.ts'],
    ignores: [`${FIXTURES}/**`],
    languageOptions: { parserOptions: { project: './tsconfig.json' } },
    plugins: { '@typescript-eslint': tseslint.plugin },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: false }],
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
    },
  },
  {
    files: anywhere('workflows/**/*.ts'),
    ignores: ['**/*.test.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        { paths: [...nodeBuiltins, ...nodeBuiltins.map((name) => `node:${name}`), 'zod'] },
      ],
    },
  },
  {
    files: anywhere('{core,domains,infra,api,workflows,worker}/**/*.ts'),
    ignores: anywhere('domains/*/store/**', 'infra/postgres/**', 'infra/setup/**', '**/*.test.ts'),
    rules: {
      'no-restricted-syntax': [
        'error',
        { selector: `Literal[value=${SQL}]`, message: SQL_MESSAGE },
        { selector: `TemplateElement[value.raw=${SQL}]`, message: SQL_MESSAGE },
      ],
    },
  },
  {
    files: anywhere('activities/*/index.ts'),
    rules: {
      'no-restricted-syntax': [
        'error',
        { selector: `Literal[value=${SQL}]`, message: SQL_MESSAGE },
        { selector: `TemplateElement[value.raw=${SQL}]`, message: SQL_MESSAGE },
        { selector: 'Property > :function > BlockStatement', message: THIN_MESSAGE },
      ],
    },
  },
);
