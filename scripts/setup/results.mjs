/** Adds up the results of the test runners in build/test-results. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { isMain, ROOT } from './process.mjs';

export const RESULTS = path.join(ROOT, 'build', 'test-results');

/**
 * Returns the number of tests in all *.json files of `directory`, and the messages of the failed tests. The fields of a
 * file determine its format: GoogleTest's `testsuites`, vitest's `numTotalTests`, or a plain
 * `{ passed, failed, skipped }`. A runner that crashed leaves no file; its exit code reports the failure.
 */
export function readResults(directory = RESULTS) {
  const total = { passed: 0, failed: 0, skipped: 0, failures: [] };
  for (const name of existsSync(directory) ? readdirSync(directory) : []) {
    if (!name.endsWith('.json')) continue;
    const counts = countsOf(JSON.parse(readFileSync(path.join(directory, name), 'utf8')));
    for (const key of ['passed', 'failed', 'skipped']) total[key] += counts[key];
    total.failures.push(...(counts.failures ?? []));
  }
  return total;
}

function countsOf(result) {
  if (result.numTotalTests !== undefined) {
    const skipped = result.numPendingTests + result.numTodoTests;
    // A file that fails to load has no tests and counts as one failure.
    const broken = result.testResults.filter(
      (file) => file.status === 'failed' && file.assertionResults.length === 0,
    );
    const failures = [
      ...broken.map(({ name, message }) => failure(path.relative(ROOT, name), message)),
      ...result.testResults
        .flatMap((file) => file.assertionResults)
        .filter(({ status }) => status === 'failed')
        .map(({ fullName, failureMessages }) => failure(fullName, failureMessages.join('\n'))),
    ];
    return {
      passed: result.numPassedTests,
      failed: result.numFailedTests + broken.length,
      skipped,
      failures,
    };
  }
  if (result.testsuites !== undefined) {
    const cases = result.testsuites.flatMap((suite) => suite.testsuite);
    const skipped = cases.filter(({ result: outcome }) => outcome === 'SKIPPED').length + result.disabled;
    const failures = cases
      .filter((each) => each.failures !== undefined)
      .map((each) => failure(`${each.classname}.${each.name}`, each.failures[0].failure));
    return { passed: result.tests - result.failures - skipped, failed: result.failures, skipped, failures };
  }
  return result;
}

const FAILURE_LINES = 12;

// Only the first lines are repeated at the end of the log. The runner's output has the whole message, but a log may be
// truncated there.
function failure(name, message = '') {
  return [`FAILED: ${name}`, ...message.split('\n').slice(0, FAILURE_LINES)].join('\n  ');
}

/** Returns the last lines of the output: the failures, the number of skipped tests if any, and `N passed, N failed`. */
export function closingLines({ passed, failed, skipped, failures = [] }) {
  const skips = skipped > 0 ? [`${skipped} skipped`] : [];
  return [...failures, ...skips, `${passed} passed, ${failed} failed`].join('\n');
}

if (isMain(import.meta.url)) console.log(closingLines(readResults()));
