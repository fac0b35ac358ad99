/**
 * `npm run test:changed`: builds, and runs the tests for a change in both languages. The change is all files that are
 * changed or new in git since the branch left main (on main: since the last commit). Prints the chosen tests, each with
 * the changed file that caused the choice.
 *
 * Usage: node scripts/test-changed.mjs [--base REVISION] [--list]    (--list: print the chosen tests and run nothing)
 */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { chooseTests, gtestFilter } from './setup/choose_tests.mjs';
import { nativeFiles } from './setup/native-tools.mjs';
import { capture, Failure, main, ROOT } from './setup/process.mjs';
import { vitest } from './setup/vitest.mjs';
import { setup } from './setup.mjs';
import { testNative } from './test-native.mjs';

const read = (file) => readFileSync(path.join(ROOT, file), 'utf8');
const git = (...args) => capture('git', args);

/** Returns the revision to compare with. */
function baseOf(asked) {
  if (asked !== undefined) {
    const found = git('rev-parse', '--verify', '--quiet', `${asked}^{commit}`);
    if (found === undefined) throw new Failure(`git has no revision '${asked}'`);
    return found;
  }
  return git('merge-base', 'HEAD', 'main') ?? git('merge-base', 'HEAD', 'origin/main') ?? 'HEAD';
}

/** Returns the files that differ from `base` in the working tree, including new files and both names of moved files. */
function changedSince(base) {
  const lines = [
    git('diff', '--name-only', '--no-renames', base),
    git('ls-files', '--others', '--exclude-standard'),
  ];
  if (lines.includes(undefined)) throw new Failure('git cannot list the changed files');
  return lines.flatMap((text) => text.split('\n')).filter(Boolean);
}

function print(choice) {
  if (choice.everything !== undefined) console.log(`everything    because of ${choice.everything}`);
  for (const kind of ['unit', 'integration', 'native']) {
    for (const [name, reason] of choice[kind])
      console.log(`${kind.padEnd(12)}  ${name}${reason === name ? '' : `    because of ${reason}`}`);
  }
}

async function runChosen(choice, nativeTests) {
  const { everything } = choice;
  const native = everything || choice.native.size > 0;
  const exists = (file) => existsSync(path.join(ROOT, file));
  const integration = [...choice.integration.keys()].filter(exists);
  const directory =
    native || everything || integration.length > 0 ? await setup({ tests: Boolean(native) }) : undefined;
  const codes = [];
  const existing = [...choice.unit.keys()].filter(exists);
  if (everything) codes.push(await vitest(['run', '--project', 'unit']));
  else if (existing.length > 0)
    codes.push(await vitest(['related', '--run', '--project', 'unit', '--passWithNoTests', ...existing]));
  if (native) {
    const texts = [...choice.native.keys()].map((file) => nativeTests[file] ?? '');
    codes.push(await testNative(directory, everything ? [] : [`--gtest_filter=${gtestFilter(texts)}`]));
  }
  if (everything || integration.length > 0)
    codes.push(await vitest(['run', '--project', 'integration', ...(everything ? [] : integration)]));
  return codes.find((code) => code !== 0) ?? 0;
}

main(async () => {
  const options = { base: { type: 'string' }, list: { type: 'boolean' } };
  const { values } = parseArgs({ options });
  const base = baseOf(values.base);
  const changed = changedSince(base);
  const tests = nativeFiles(['.cc']).filter((file) => /^test.native.*_test\.cc$/.test(file));
  const nativeTests = Object.fromEntries(tests.map((file) => [file.replaceAll(path.sep, '/'), read(file)]));
  const choice = chooseTests(changed, { rooms: JSON.parse(read('scripts/test-rooms.json')), nativeTests });
  console.log(`${changed.length} files changed since ${base.slice(0, 10)}`);
  print(choice);
  return values.list ? 0 : runChosen(choice, nativeTests);
});
