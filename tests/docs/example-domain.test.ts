import { readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';

const ROOT = path.resolve(__dirname, '..', '..');

/** The files that CONTRIBUTING.md shows, by their absolute paths. */
function shownFiles(): Map<string, string> {
  const text = readFileSync(path.join(ROOT, 'CONTRIBUTING.md'), 'utf8');
  const blocks = [...text.matchAll(/```ts\n\/\/ (\S+)\n([\s\S]*?)```/g)];
  return new Map(blocks.map(([, file = '', code = '']) => [path.join(ROOT, file), code]));
}

test('the files of the example domain compile as if they stood in the house', () => {
  const shown = shownFiles();
  expect(shown.size).toBeGreaterThanOrEqual(7);
  const { config } = ts.readConfigFile(path.join(ROOT, 'tsconfig.json'), ts.sys.readFile) as { config: object };
  const { options } = ts.parseJsonConfigFileContent({ ...config, files: [], include: [] }, ts.sys, ROOT);
  const settings = { ...options, noEmit: true, incremental: false };
  const host = ts.createCompilerHost(settings);
  const { readFile, fileExists, directoryExists } = host;
  host.readFile = (file) => shown.get(path.resolve(file)) ?? readFile.call(host, file);
  host.fileExists = (file) => shown.has(path.resolve(file)) || fileExists.call(host, file);
  host.directoryExists = (folder) =>
    [...shown.keys()].some((file) => file.startsWith(`${path.resolve(folder)}${path.sep}`)) ||
    (directoryExists?.call(host, folder) ?? true);
  const getSourceFile = host.getSourceFile.bind(host);
  host.getSourceFile = (file, version, ...rest) => {
    const code = shown.get(path.resolve(file));
    return code === undefined ? getSourceFile(file, version, ...rest) : ts.createSourceFile(file, code, version, true);
  };
  const program = ts.createProgram([...shown.keys()], settings, host);
  const found = [...shown.keys()].flatMap((file) => {
    const source = program.getSourceFile(file);
    if (source === undefined) return [`${file} is not compiled`];
    return program.getSemanticDiagnostics(source).map((one) => ts.flattenDiagnosticMessageText(one.messageText, '\n'));
  });
  expect(found).toEqual([]);
});
