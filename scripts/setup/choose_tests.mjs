/**
 * Chooses the tests for a change by names, by C++ includes, and by the rooms of scripts/test-rooms.json. For unit
 * tests, vitest follows the imports of lib's files. All integration tests import lib/index.ts, so integration tests are
 * chosen by the room of a changed file.
 */
import path from 'node:path';

const { posix } = path;
const NATIVE = /^native\/([^/]+)\/(.+)\.(?:cc|h|inc)$/;

/** The chosen tests, each with the first reason for the choice. */
class Choice {
  everything = undefined;
  /** Files for `vitest related`, including unit tests themselves. */
  unit = new Map();
  /** Files and folders under test/integration. */
  integration = new Map();
  /** Files under test/native. */
  native = new Map();

  add(kind, names, reason) {
    for (const name of names) if (!this[kind].has(name)) this[kind].set(name, reason);
  }
}

/**
 * @param {readonly string[]} changed paths relative to the project's root, with `/`
 * @param {{ rooms: object, nativeTests: Record<string, string> }} project `rooms`: the table of rooms. `nativeTests`:
 *   the texts of the native tests by path
 */
export function chooseTests(changed, { rooms, nativeTests }) {
  const choice = new Choice();
  for (const file of changed) {
    if (rooms.everything.includes(file)) choice.everything ??= file;
    chooseByPath(choice, file, rooms.paths);
    chooseTest(choice, file, nativeTests);
    chooseByLib(choice, file, rooms.lib);
    chooseByNative(choice, file, rooms.native, nativeTests);
    if (/^(scripts|bench)\/.*\.(mjs|cjs)$/.test(file)) choice.add('unit', [file], file);
  }
  return choice;
}

const within = (folder, names) => names.map((name) => `${folder}/${name}`);

/** Chooses tests for files that tests read and do not import, by patterns of paths. */
function chooseByPath(choice, file, paths) {
  for (const [glob, { unit = [], integration = [], native = [] }] of Object.entries(paths)) {
    if (!matches(file, glob)) continue;
    choice.add('unit', unit, file);
    choice.add('integration', within('test/integration', integration), file);
    choice.add('native', within('test/native', native), file);
  }
}

/**
 * Chooses a changed test itself. For a helper, chooses the native tests that include it, or its room's integration
 * tests.
 */
function chooseTest(choice, file, nativeTests) {
  if (file.startsWith('test/unit/')) choice.add('unit', [file], file);
  if (file.startsWith('test/integration/')) {
    const [, , room, ...below] = file.split('/');
    // Helpers of all rooms are in `helpers` or outside of any room.
    const folder = below.length === 0 || room === 'helpers' ? 'test/integration' : `test/integration/${room}`;
    choice.add('integration', [/\.test\.(ts|mjs)$/.test(file) ? file : folder], file);
  }
  if (file.startsWith('test/native/')) {
    const header = `${posix.basename(file, posix.extname(file))}.h`;
    const users = Object.keys(nativeTests).filter((test) => includes(nativeTests[test], header));
    if (file in nativeTests) choice.add('native', [file], file);
    else if (!file.endsWith('_test.cc'))
      choice.add('native', users.length > 0 ? users : Object.keys(nativeTests), file);
  }
}

function chooseByLib(choice, file, rooms) {
  const [, room] = /^lib\/([^/]+)/.exec(file) ?? [];
  if (room === undefined) return;
  choice.add('unit', [file], file);
  choice.add('integration', within('test/integration', rooms[room] ?? []), file);
}

function chooseByNative(choice, file, rooms, nativeTests) {
  const [, room, stem] = NATIVE.exec(file) ?? [];
  if (room === undefined) return;
  const named = Object.keys(nativeTests).filter((test) => {
    const name = posix.basename(test, '_test.cc');
    return name === stem || name.endsWith(`_${stem}`) || includes(nativeTests[test], `${room}/${stem}.h`);
  });
  const { native = [], integration = [] } = rooms[room] ?? {};
  const ofRoom = () =>
    Object.keys(nativeTests).filter((test) => native.some((glob) => matches(posix.basename(test), glob)));
  choice.add('native', named.length > 0 ? named : ofRoom(), file);
  choice.add('integration', within('test/integration', integration), file);
}

/** Returns whether `name` matches `glob`, in which one star stands for any characters. */
function matches(name, glob) {
  const [begin, end] = glob.split('*');
  return end === undefined ? name === begin : name.startsWith(begin) && name.endsWith(end);
}

const includes = (text, header) => text.includes(`#include "${header}"`);

/** Returns GoogleTest's filter for all suites that the texts of test files define. */
export function gtestFilter(texts) {
  const suites = texts.flatMap((text) =>
    [...text.matchAll(/^(?:TYPED_)?TEST(?:_F|_P)?\(\s*(\w+)/gm)].map(([, suite]) => suite),
  );
  return [...new Set(suites)]
    .sort()
    .flatMap((suite) => [`${suite}.*`, `*/${suite}.*`])
    .join(':');
}
