import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { closingLines, readResults } from '../../../scripts/setup/results.mjs';

function results(files) {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'ke-results-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  for (const [name, value] of Object.entries(files))
    writeFileSync(path.join(directory, name), JSON.stringify(value));
  return readResults(directory);
}

it('adds up GoogleTest, vitest and plain counts', () => {
  const gtest = {
    tests: 4,
    failures: 1,
    disabled: 1,
    testsuites: [
      {
        testsuite: [
          { result: 'COMPLETED' },
          { result: 'SKIPPED' },
          { classname: 'Tape', name: 'Adds', result: 'COMPLETED', failures: [{ failure: 'Expected: 1' }] },
          { result: 'SUPPRESSED' },
        ],
      },
    ],
  };
  const vitest = {
    numTotalTests: 5,
    numPassedTests: 3,
    numFailedTests: 1,
    numPendingTests: 1,
    numTodoTests: 0,
    testResults: [
      {
        status: 'failed',
        assertionResults: [
          { status: 'passed' },
          { status: 'failed', fullName: 'explain adds', failureMessages: ['2 is not 1\n    at a line'] },
        ],
      },
    ],
  };
  const total = results({
    'a.json': gtest,
    'b.json': vitest,
    'c.json': { passed: 2, failed: 0, skipped: 0 },
  });
  expect(total).toMatchObject({ passed: 6, failed: 2, skipped: 3 });
  expect(closingLines(total).split('\n')).toEqual([
    'FAILED: Tape.Adds',
    '  Expected: 1',
    'FAILED: explain adds',
    '  2 is not 1',
    '      at a line',
    '3 skipped',
    '6 passed, 2 failed',
  ]);
});

it('counts a test file that could not be loaded as a failure', () => {
  const vitest = {
    numTotalTests: 0,
    numPassedTests: 0,
    numFailedTests: 0,
    numPendingTests: 0,
    numTodoTests: 0,
    testResults: [
      { status: 'failed', name: '/elsewhere/a.test.ts', message: 'No such file', assertionResults: [] },
    ],
  };
  const lines = closingLines(results({ 'vitest.json': vitest })).split('\n');
  expect(lines).toEqual([
    expect.stringMatching(/^FAILED: .*a\.test\.ts$/),
    '  No such file',
    '0 passed, 1 failed',
  ]);
});
