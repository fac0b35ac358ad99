/**
 * Runs a part of the integration tests with an addon that is built with AddressSanitizer, LeakSanitizer and
 * UndefinedBehaviorSanitizer. Node itself is built without sanitizers, so the sanitizers' library is preloaded. Ends
 * with an error if a test fails or a sanitizer reports an error. Arguments are other test files, such as
 * test/integration/methods/tiny.test.ts, or options of vitest.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { compileAddon } from './build-native.mjs';
import { isMain, main, ROOT, step } from './setup/process.mjs';
import { Sanitizers } from './setup/sanitizers.mjs';
import { vitestOver } from './setup/vitest.mjs';
import { setup } from './setup.mjs';

/** Each file tests another part of native/binding: runs, concurrent runs, closing, lent memory, misuse, bad files. */
const TESTS = [
  'engine/explain',
  'engine/explain_batches',
  'engine/explain_misuse',
  'serving/explainer_close',
  'model/hostile',
  'engine/zero_copy',
].map((name) => `test/integration/${name}.test.ts`);

/** The build is separate from the build of the native tests, which lacks Node's headers. */
const BUILD = 'build/sanitize-addon';

/**
 * Returns the findings of one process's report. An error is one finding. A leak is a finding only if its stack has a
 * frame of the addon, because Node and V8 end without freeing all of their memory.
 */
function findings(report) {
  if (!report.includes('LeakSanitizer: detected memory leaks')) return [report];
  return report
    .split(/\n\s*\n/)
    .filter((block) => /leak of/.test(block) && /keras_explainable\.node/.test(block));
}

if (isMain(import.meta.url)) {
  main(async () => {
    const sanitizers = new Sanitizers('address,undefined');
    const directory = await setup({ tests: true, addon: false });
    await compileAddon(BUILD, sanitizers.definitions);
    const reports = path.join(ROOT, BUILD, 'reports');
    rmSync(reports, { recursive: true, force: true });
    mkdirSync(reports);
    const args = process.argv.slice(2);
    const env = {
      ...process.env,
      ...sanitizers.environment(path.join(reports, 'of')),
      KERAS_EXPLAINABLE_TENSORFLOW_DIR: directory,
      KERAS_EXPLAINABLE_SANITIZED: '1',
      LD_PRELOAD: sanitizers.runtime,
    };
    step('Running integration tests over the addon with sanitizers');
    const tests = args.length > 0 ? args : TESTS;
    const status = await vitestOver(BUILD, ['run', '--project', 'integration', ...tests], { env });
    const files = readdirSync(reports).map((file) => readFileSync(path.join(reports, file), 'utf8'));
    const found = files.flatMap(findings);
    for (const finding of found) console.error(`${'='.repeat(65)}\n${finding}`);
    console.log(`Sanitizers: ${found.length} findings in the reports of ${files.length} processes`);
    return status || (found.length > 0 ? 1 : 0);
  });
}
