import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { globSync } from 'tinyglobby';
import { describe, expect, it } from 'vitest';
import { chooseTests, gtestFilter } from '../../../scripts/setup/choose_tests.mjs';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const ROOMS = JSON.parse(readFileSync(`${ROOT}/scripts/test-rooms.json`, 'utf8'));

const rooms = {
  native: {
    runtime: { native: ['runtime_*_test.cc', 'threads_test.cc'], integration: ['engine'] },
    gradient: { native: ['gradient_tape_test.cc'], integration: [] },
  },
  lib: { cli: ['cli'], 'index.ts': ['docs'] },
  paths: {
    'docs/*': { unit: ['test/unit/docs.test.ts'], integration: ['docs'] },
    '*.md': { integration: ['docs'] },
  },
  everything: ['package.json'],
};

const nativeTests = {
  'test/native/executor_test.cc': '#include "runtime/executor.h"\n#include "runtime/background.h"\n',
  'test/native/gradient_tape_test.cc': '#include "gradient_check.h"\n',
  'test/native/runtime_session_test.cc': '',
  'test/native/threads_test.cc': '#include "runtime/background.h"\n',
};

const choose = (...changed) => {
  const { everything, unit, integration, native } = chooseTests(changed, { rooms, nativeTests });
  return {
    everything,
    unit: [...unit.keys()],
    integration: [...integration.keys()],
    native: [...native.keys()],
  };
};
const nothing = { everything: undefined, unit: [], integration: [], native: [] };

describe('of native code', () => {
  it('a test of the same name, and its room in Node', () => {
    const chosen = {
      ...nothing,
      native: ['test/native/executor_test.cc'],
      integration: ['test/integration/engine'],
    };
    expect(choose('native/runtime/executor.cc')).toEqual(chosen);
    expect(choose('native/runtime/executor.h')).toEqual(chosen);
  });

  it('a test whose name ends with that of the file', () => {
    expect(choose('native/gradient/tape.cc').native).toEqual(['test/native/gradient_tape_test.cc']);
    expect(choose('native/runtime/session.cc').native).toEqual(['test/native/runtime_session_test.cc']);
  });

  it('the tests that include the header', () => {
    expect(choose('native/runtime/background.cc').native).toEqual([
      'test/native/executor_test.cc',
      'test/native/threads_test.cc',
    ]);
  });

  it('the tests of the room where none knows the file', () => {
    expect(choose('native/runtime/memory.cc').native).toEqual([
      'test/native/runtime_session_test.cc',
      'test/native/threads_test.cc',
    ]);
  });

  it('a changed test itself, the users of a helper, all for a helper that none includes', () => {
    expect(choose('test/native/executor_test.cc').native).toEqual(['test/native/executor_test.cc']);
    expect(choose('test/native/gradient_check.cc').native).toEqual(['test/native/gradient_tape_test.cc']);
    expect(choose('test/native/unknown.h').native).toEqual(Object.keys(nativeTests));
    expect(choose('test/native/deleted_test.cc').native).toEqual([]);
  });
});

describe('of TypeScript', () => {
  it('what vitest finds by imports, and the room', () => {
    expect(choose('lib/cli/terminal.ts')).toEqual({
      ...nothing,
      unit: ['lib/cli/terminal.ts'],
      integration: ['test/integration/cli'],
    });
    expect(choose('lib/index.ts').integration).toEqual(['test/integration/docs']);
  });

  it('a changed test itself, and the room of a helper', () => {
    expect(choose('test/unit/a.test.ts').unit).toEqual(['test/unit/a.test.ts']);
    expect(choose('test/integration/cli/a.test.ts').integration).toEqual(['test/integration/cli/a.test.ts']);
    expect(choose('test/integration/cli/a.ts').integration).toEqual(['test/integration/cli']);
    expect(choose('test/integration/cli/below/a.ts').integration).toEqual(['test/integration/cli']);
    expect(choose('test/integration/helpers/a.ts').integration).toEqual(['test/integration']);
  });

  it('the unit tests of a script', () => {
    expect(choose('scripts/setup/parallel.mjs').unit).toEqual(['scripts/setup/parallel.mjs']);
  });
});

describe('of other files', () => {
  it('by the beginning or the end of their paths', () => {
    expect(choose('docs/data.md')).toEqual({
      ...nothing,
      unit: ['test/unit/docs.test.ts'],
      integration: ['test/integration/docs'],
    });
    expect(choose('README.md').integration).toEqual(['test/integration/docs']);
    expect(choose('LICENSE')).toEqual(nothing);
  });

  it('everything where a file reaches everything', () => {
    expect(choose('LICENSE', 'package.json').everything).toBe('package.json');
  });
});

it('tells the first file that each test is chosen by', () => {
  const { integration } = chooseTests(['lib/cli/a.ts', 'lib/cli/b.ts'], { rooms, nativeTests });
  expect([...integration]).toEqual([['test/integration/cli', 'lib/cli/a.ts']]);
});

it('a filter has every suite of the files, with parameters or without', () => {
  const text = 'TEST(Tape, Adds) {}\nTEST_F(Tape, Ends) {}\nTEST_P(Ops, Each) {}\n  // TEST(No, No)\n';
  expect(gtestFilter([text, 'TEST(\n    Far, Off) {}'])).toBe('Far.*:*/Far.*:Ops.*:*/Ops.*:Tape.*:*/Tape.*');
});

describe("the project's table", () => {
  it.each(['native', 'lib'])('has every room of %s and no other', (half) => {
    const inTree = readdirSync(`${ROOT}/${half}`).sort();
    expect(Object.keys(ROOMS[half]).sort()).toEqual(inTree);
  });

  it('names files and folders that are there', () => {
    const rows = [...Object.values(ROOMS.native), ...Object.values(ROOMS.paths)];
    const named = [
      ...rows.flatMap(({ native = [] }) => native.map((name) => `test/native/${name}`)),
      ...[...rows.flatMap(({ integration = [] }) => integration), ...Object.values(ROOMS.lib).flat()].map(
        (name) => `test/integration/${name}`,
      ),
      ...rows.flatMap(({ unit = [] }) => unit),
      ...ROOMS.everything,
    ];
    expect(named.length).toBeGreaterThan(50);
    const there = (name) => existsSync(`${ROOT}/${name}`) || globSync(name, { cwd: ROOT }).length > 0;
    expect(named.filter((name) => !there(name))).toEqual([]);
  });

  it('leads to tests from each file of lib and of native', () => {
    const files = globSync(['lib/**/*.ts', 'native/**/*.{cc,h}'], { cwd: ROOT });
    const tests = Object.fromEntries(
      globSync('test/native/**/*_test.cc', { cwd: ROOT }).map((file) => [
        file,
        readFileSync(`${ROOT}/${file}`, 'utf8'),
      ]),
    );
    expect(files.length).toBeGreaterThan(200);
    const without = files.filter((file) => {
      const { integration, native } = chooseTests([file], { rooms: ROOMS, nativeTests: tests });
      return integration.size + native.size === 0;
    });
    expect(without).toEqual([]);
  });
});
