import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import ts from 'typescript';
import { expect, it, onTestFinished } from 'vitest';
import { executed, libCovered } from '../../../scripts/setup/lib_covered.mjs';

it('a block that did not run stands out of the function around it', () => {
  const functions = [
    { ranges: [{ startOffset: 4, endOffset: 6, count: 0 }] },
    {
      ranges: [
        { startOffset: 0, endOffset: 8, count: 1 },
        { startOffset: 1, endOffset: 3, count: 0 },
      ],
    },
  ];
  expect([...executed(9, functions)]).toEqual([1, 0, 0, 1, 0, 0, 1, 1, 0]);
});

it('a line counts that a test or a process of its ran', () => {
  const root = mkdtempSync(path.join(os.tmpdir(), 'ke-covered-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  for (const folder of ['lib', 'dist', 'children']) mkdirSync(path.join(root, folder));
  const source = [
    'interface Gone {',
    '  a: number;',
    '}',
    '',
    'export function run(x: Gone): number {',
    '  if (x.a > 1) {',
    '    return 2;',
    '  }',
    '  return 1;',
    '}',
  ].join('\n');
  const compilerOptions = { sourceMap: true, target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext };
  const { outputText, sourceMapText } = ts.transpileModule(source, { compilerOptions, fileName: 'a.ts' });
  const map = { ...JSON.parse(sourceMapText), sources: ['../lib/a.ts'] };
  writeFileSync(path.join(root, 'dist', 'a.js'), outputText);
  writeFileSync(path.join(root, 'dist', 'a.js.map'), JSON.stringify(map));
  const block = outputText.indexOf('{\n        return 2');
  const functions = [
    { ranges: [{ startOffset: 0, endOffset: outputText.length, count: 1 }] },
    {
      ranges: [
        { startOffset: outputText.indexOf('function'), endOffset: outputText.indexOf('\n}') + 2, count: 1 },
        { startOffset: block, endOffset: outputText.indexOf('}', block) + 1, count: 0 },
      ],
    },
  ];
  const result = [
    { url: pathToFileURL(path.join(root, 'dist', 'a.js')).href, functions },
    { url: 'node:fs', functions },
  ];
  writeFileSync(path.join(root, 'children', 'coverage-1.json'), JSON.stringify({ result }));
  const at = (line) => ({ start: { line, column: 0 }, end: { line, column: 9 } });
  const covered = (hits) => {
    const file = path.join(root, 'lib', 'a.ts');
    const final = { [file]: { statementMap: { 0: at(6), 1: at(7), 2: at(9), 3: at(9) }, s: hits } };
    return libCovered(final, path.join(root, 'children'), root);
  };
  expect(covered({ 0: 0, 1: 0, 2: 0, 3: 0 })).toEqual([
    { file: path.join('lib', 'a.ts'), covered: 2, total: 3 },
  ]);
  expect(covered({ 0: 0, 1: 4, 2: 0, 3: 0 })).toMatchObject([{ covered: 3 }]);
});
