/**
 * Which libtensorflow is taken, and which is refused: stubs that a compiler makes, and the one that all tests run on.
 */
import { spawnSync } from 'node:child_process';
import { truncateSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { Addon } from '../../../lib/binding/contract.js';
import { loadLibrary, tryWithoutAvx } from '../../../lib/binding/library.js';
import { addonFiles, ensureTensorflow } from '../../../lib/binding/loader.js';
import { resolveTensorflow } from '../../../lib/tensorflow/resolve.js';
import { SUPPORTED_VERSIONS } from '../../../lib/tensorflow/versions.js';
import { ROOT, start, temporaryDirectory } from '../helpers/cli_process.js';
import { makeStub, type Stub } from '../helpers/stub_library.js';

const linux = process.platform === 'linux';
const scratch = temporaryDirectory();
const [addonFile] = addonFiles() as [string];
let made = 0;

function stub(options?: Stub): string {
  made += 1;
  return makeStub(join(scratch, `stub${made}`), options);
}

/** What a process says that loads TensorFlow from `library`'s directory: the version and its files, or the error. */
function load(library: string, { env = {}, first = '' }: { env?: NodeJS.ProcessEnv; first?: string } = {}) {
  const script = `
    ${first}
    const { ensureTensorflow } = await import(${JSON.stringify(pathToFileURL(join(ROOT, 'dist/binding/loader.js')))});
    try {
      const addon = await ensureTensorflow();
      const maps = (await import('node:fs')).readFileSync('/proc/self/maps', 'utf8');
      console.log(JSON.stringify({
        version: await addon.loadLibrary(addon.loadedPath()),
        files: [...new Set(maps.match(/\\/\\S*libtensorflow_\\S*/g))].sort(),
      }));
    } catch ({ code, message }) {
      console.log(JSON.stringify({ code, message }));
    }`;
  const ended = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    env: { ...process.env, KERAS_EXPLAINABLE_TENSORFLOW_DIR: dirname(library), ...env },
  });
  expect([ended.status, ended.signal], ended.stderr).toEqual([0, null]);
  return JSON.parse(ended.stdout) as { version?: string; files?: string[]; code?: string; message?: string };
}

/** The library that the other tests run on. */
async function realLibrary(): Promise<string> {
  return (await resolveTensorflow()).library;
}

describe.runIf(linux)('a libtensorflow', () => {
  test.each([
    ['too old', '"2.11.1"', 'it is TensorFlow 2.11.1, older than 2.12. Supported versions:'],
    ['too new', '"2.99.0-dev20270101"', 'it is TensorFlow 2.99.0-dev20270101, newer than'],
    ['of another time', '"1.15.5"', 'it is TensorFlow 1.15.5, older than 2.12'],
    ['with no version in its version', '"latest"', "it reports 'latest', which is not a TensorFlow version"],
    ['without a version', 'NULL', 'is no TensorFlow library: it lacks TF_Version'],
    ['without TF_Version', undefined, 'is no TensorFlow library: it lacks TF_Version'],
  ])('%s is refused, and nothing else of it is called', (_, version, reason) => {
    const { code, message } = load(stub({ version }));
    expect(code).toBe('NOT_FOUND');
    expect(message).toContain(`libtensorflow_cc.so.2 could not be loaded: `);
    expect(message).toContain(reason);
    expect(message).toContain('npx keras-explainable install-tensorflow');
    if (reason.includes('Supported versions:')) expect(message).toContain(SUPPORTED_VERSIONS);
  });

  test('of the right version that lacks functions is refused by their names', () => {
    const { message } = load(stub({ version: '"2.20.0"' }));
    expect(message).toMatch(/is no usable TensorFlow library: it lacks .*TF_SessionRun/);
    expect(message).not.toContain('TF_Version,');
  });

  test('that was cut short is refused before it is opened', () => {
    const library = stub({ version: '"2.20.0"' });
    truncateSync(library, 8000);
    expect(load(library).message).toMatch(
      /libtensorflow_cc\.so\.2 is truncated: the file has 8000 bytes but needs at least \d+/,
    );
  });

  test('that ends the process as it is loaded is told of by doctor', async () => {
    const library = stub({ version: '"2.20.0"', onLoad: 'abort();' });
    const { code, out } = await start(['doctor'], { KERAS_EXPLAINABLE_TENSORFLOW_DIR: dirname(library) })
      .ended;
    expect(code).toBe(1);
    expect(out).toMatch(/^✖ tensorflow: no usable libtensorflow was found$/m);
    expect(out).toContain('could not be loaded: it ended itself (SIGABRT)');
  });
});

describe.runIf(linux)('of two releases', () => {
  test('the pair beside each other is loaded, whatever LD_LIBRARY_PATH names', async () => {
    const library = await realLibrary();
    const { files } = load(library, { env: { LD_LIBRARY_PATH: dirname(stub({ version: '"2.12.0"' })) } });
    expect(files).toEqual([library, join(dirname(library), 'libtensorflow_framework.so.2')].sort());
  });

  const other = () => join(dirname(stub({ version: '"2.12.0"' })), 'libtensorflow_framework.so.2');

  test('one is refused where LD_PRELOAD has brought the other', async () => {
    const library = await realLibrary();
    const preloaded = other();
    const { message } = load(library, { env: { LD_PRELOAD: preloaded } });
    expect(message).toContain(`the process holds another TensorFlow already, ${preloaded} (by LD_PRELOAD`);
    expect(message).toContain(`expected ${join(dirname(library), 'libtensorflow_framework.so.2')}`);
  });

  test('one is refused where another module has loaded the other', async () => {
    const present = other();
    // As a module would that links with it: it is no addon itself, and stays in the process.
    const first = `try { process.dlopen({ exports: {} }, ${JSON.stringify(present)}); } catch {}`;
    expect(load(await realLibrary(), { first }).message).toContain(`another TensorFlow already, ${present}`);
  });
});

describe.runIf(linux)('on a processor without AVX', () => {
  const illegal = () => stub({ version: '"2.20.0"', onLoad: 'raise(SIGILL);' });

  test('a library that needs it is refused instead of ending the process', async () => {
    const addon = { hasAvx: () => false } as Addon;
    const error = await loadLibrary(addon, addonFile, illegal()).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ name: 'LoadError', code: 'FAILED_PRECONDITION' });
    expect((error as Error).message).toContain('this processor has no AVX');
    expect((error as Error).message).toContain('(SIGILL)');
  });

  test('a library that does without is taken', async () => {
    await tryWithoutAvx(addonFile, await realLibrary());
  });

  test.runIf(process.arch === 'x64')('is what the processor says', async () => {
    const addon = await ensureTensorflow();
    // TensorFlow is loaded, and does not run without.
    expect(addon.hasAvx()).toBe(true);
  });
});
