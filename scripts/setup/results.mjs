/** Adds up what the test runners left in build/test-results. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { isMain, ROOT } from './process.mjs';

export const RESULTS = path.join(ROOT, 'build', 'test-results');

/**
 * The tests counted in every *.json of `directory`. Each runner's own format is known by its fields: GoogleTest's `tests`,
 * vitest's `numTotalTests`, and a plain `{ passed, failed, skipped }`. A runner that died leaves no file: its exit
 * code tells.
 */
export function readResults(directory = RESULTS) {
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const name of existsSync(directory) ? readdirSync(directory) : []) {
    if (!name.endsWith('.json')) continue;
    const counts = countsOf(JSON.parse(readFileSync(path.join(directory, name), 'utf8')));
    for (const key of Object.keys(total)) total[key] += counts[key] ?? 0;
  }
  return total;
}

function countsOf(result) {
  if (result.numTotalTests !== undefined) {
    const skipped = result.numPendingTests + result.numTodoTests;
    // A file that fails to load has no tests of its own: count it as one failure.
    const broken = result.testResults.filter(
      (file) => file.status === 'failed' && file.assertionResults.length === 0,
    );
    return { passed: result.numPassedTests, failed: result.numFailedTests + broken.length, skipped };
  }
  if (result.testsuites !== undefined) {
    const cases = result.testsuites.flatMap((suite) => suite.testsuite);
    const skipped = cases.filter(({ result: outcome }) => outcome === 'SKIPPED').length + result.disabled;
    return { passed: result.tests - result.failures - skipped, failed: result.failures, skipped };
  }
  return result;
}

/** What is printed last: `N passed, N failed`, after a line with the skipped ones where there are any. */
export function closingLines({ passed, failed, skipped }) {
  return [...(skipped > 0 ? [`${skipped} skipped`] : []), `${passed} passed, ${failed} failed`].join('\n');
}

if (isMain(import.meta.url)) console.log(closingLines(readResults()));
