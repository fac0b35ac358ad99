/**
 * `npm run coverage`: which lines the tests reach, in both languages. The native tests and the addon are built with
 * clang's coverage in build/coverage; the unit and integration tests run over that addon, and vitest counts lines of
 * lib with V8. Prints a table of rooms and writes build/coverage/coverage.json. Lines that only a child process of a
 * test runs, as the command line's, count in native code but not in lib.
 *
 * Usage: node scripts/coverage.mjs [TEST FILE...]    (arguments go to vitest; a part of the tests in place of all)
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { compileAddon } from './build-native.mjs';
import { Instrumented } from './setup/instrumented.mjs';
import { main, ROOT, step } from './setup/process.mjs';
import { byRoom, table } from './setup/rooms_covered.mjs';
import { vitestOver } from './setup/vitest.mjs';
import { setup } from './setup.mjs';
import { testNative } from './test-native.mjs';

const BUILD = 'build/coverage';

/** What vitest's own report says of lib, as `[{ file, covered, total }]`. */
function linesOfLib() {
  const summary = JSON.parse(readFileSync(path.join(ROOT, BUILD, 'lib', 'coverage-summary.json'), 'utf8'));
  return Object.entries(summary)
    .filter(([file]) => file !== 'total')
    .map(([file, { lines }]) => ({
      file: path.relative(ROOT, file),
      covered: lines.covered,
      total: lines.total,
    }));
}

main(async () => {
  const directory = await setup({ tests: true });
  const instrumented = new Instrumented(BUILD);
  await compileAddon(BUILD, instrumented.definitions);
  instrumented.clear();
  const native = await testNative(directory, [], instrumented);
  step('Running the unit and integration tests over the instrumented addon');
  const args = [
    'run',
    '--project',
    'unit',
    '--project',
    'integration',
    '--coverage',
    ...process.argv.slice(2),
  ];
  const env = { ...process.env, ...instrumented.environment(), KERAS_EXPLAINABLE_TENSORFLOW_DIR: directory };
  const typescript = await vitestOver(BUILD, args, { env });
  const lines = await instrumented.lines(['ke_native_tests', 'Release/keras_explainable.node']);
  const rooms = { native: byRoom('native', lines), lib: byRoom('lib', linesOfLib()) };
  writeFileSync(path.join(ROOT, BUILD, 'coverage.json'), JSON.stringify(rooms, null, 2));
  console.log(`\n${table(rooms)}`);
  return native || typescript;
});
