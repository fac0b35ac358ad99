/**
 * Runs a part of the integration tests over an addon that is built with AddressSanitizer, LeakSanitizer and
 * UndefinedBehaviorSanitizer, in a Node that is not: their library is loaded before Node's own. Ends with an error
 * where a test fails or anything is reported. Arguments are test files in place of the part that is chosen here, as
 * test/integration/methods/tiny.test.ts, or vitest's own.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { compileAddon } from './build-native.mjs';
import { isMain, main, ROOT, step } from './setup/process.mjs';
import { Sanitizers } from './setup/sanitizers.mjs';
import { vitestOver } from './setup/vitest.mjs';
import { setup } from './setup.mjs';

/** Each reaches another part of native/binding: runs, many at once, closing, memory that is lent, misuse, bad files. */
const TESTS = ['explain', 'explain_batches', 'explain_misuse', 'explainer_close', 'hostile', 'zero_copy'].map(
  (name) => `test/integration/${name}.test.ts`,
);

/** Beside the build of the native tests, which lacks Node's headers. */
const BUILD = 'build/sanitize-addon';

/**
 * What one process's report finds: an error is one finding, and of leaks each whose stack has a frame of the addon's.
 * Node and V8 end without freeing all that is theirs.
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
