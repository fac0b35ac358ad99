/**
 * `npm run coverage`: measures the lines that the tests execute, in both languages. The native tests and the addon are
 * built with clang's coverage in build/coverage. The unit and integration tests use this addon. V8 counts the lines of
 * lib in the tests and in their child processes. Prints a table of rooms. Writes build/coverage/coverage.json, and
 * pages that show each line: build/coverage/lib/index.html and build/coverage/native/index.html.
 *
 * Usage: node scripts/coverage.mjs [TEST FILE...]    (arguments are passed to vitest, to run a part of the tests)
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { compileAddon } from './build-native.mjs';
import { Instrumented } from './setup/instrumented.mjs';
import { libCovered } from './setup/lib_covered.mjs';
import { main, ROOT, step } from './setup/process.mjs';
import { byRoom, table } from './setup/rooms_covered.mjs';
import { vitestOver } from './setup/vitest.mjs';
import { setup } from './setup.mjs';
import { testNative } from './test-native.mjs';

const BUILD = 'build/coverage';

main(async () => {
  const directory = await setup({ tests: true });
  const instrumented = new Instrumented(BUILD);
  await compileAddon(BUILD, instrumented.definitions);
  instrumented.clear();
  const native = await testNative(directory, [], instrumented);
  step('Running the unit and integration tests over the instrumented addon');
  const children = path.join(ROOT, BUILD, 'children');
  rmSync(children, { recursive: true, force: true });
  const env = {
    ...process.env,
    ...instrumented.environment(),
    KERAS_EXPLAINABLE_TENSORFLOW_DIR: directory,
    KE_CHILD_COVERAGE: children,
  };
  const args = [
    'run',
    '--project',
    'unit',
    '--project',
    'integration',
    '--coverage',
    ...process.argv.slice(2),
  ];
  const typescript = await vitestOver(BUILD, args, { env });
  const lines = await instrumented.lines(['ke_native_tests', 'Release/keras_explainable.node']);
  const final = JSON.parse(readFileSync(path.join(ROOT, BUILD, 'lib', 'coverage-final.json'), 'utf8'));
  const rooms = { native: byRoom('native', lines), lib: byRoom('lib', libCovered(final, children, ROOT)) };
  writeFileSync(path.join(ROOT, BUILD, 'coverage.json'), JSON.stringify(rooms, null, 2));
  console.log(`\n${table(rooms)}`);
  return native || typescript;
});
