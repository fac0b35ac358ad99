/**
 * `npm test`: sets the clone up and runs all tests that need only the set-up: the native tests and the tests of vitest
 * (unit, integration, types). Arguments, such as the name of a file, are passed to vitest. The last line is
 * `N passed, N failed`.
 */
import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { main, step } from './setup/process.mjs';
import { closingLines, RESULTS, readResults } from './setup/results.mjs';
import { vitest } from './setup/vitest.mjs';
import { setup } from './setup.mjs';
import { testNative } from './test-native.mjs';

main(async () => {
  const directory = await setup({ tests: true });
  rmSync(RESULTS, { recursive: true, force: true });
  mkdirSync(RESULTS, { recursive: true });
  const args = process.argv.slice(2);
  const native = args.length === 0 ? await testNative(directory) : 0;
  step('Running the TypeScript tests');
  const json = path.join(RESULTS, 'vitest.json');
  const unit = await vitest([
    ...['run', '--reporter=default', '--reporter=json', `--outputFile.json=${json}`, ...args],
  ]);
  console.log(`\n${closingLines(readResults())}`);
  return native || unit;
});
