import { mkdir, truncate, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { installTensorflow } from '../../../lib/tensorflow/install.js';
import { TensorflowNotFoundError } from '../../../lib/tensorflow/install_errors.js';
import { resolveTensorflow } from '../../../lib/tensorflow/resolve.js';
import { libraryDirectoryIn } from '../../../lib/tensorflow/system.js';
import { fakeLibrary, fakePython, OTHER_MACHINE, scratch } from './fixtures.js';

const linux = process.platform === 'linux';

/** Resolves with nothing on the machine but what the test made. */
async function resolve(root: string, env: NodeJS.ProcessEnv, load?: (library: string) => Promise<unknown>) {
  return resolveTensorflow({
    env: { KERAS_EXPLAINABLE_PYTHON: '/nonexistent', ...env },
    cacheDirectory: root,
    load,
  });
}

async function failure(promise: Promise<unknown>): Promise<TensorflowNotFoundError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(TensorflowNotFoundError);
  return error as TensorflowNotFoundError;
}

describe.runIf(linux)('KERAS_EXPLAINABLE_TENSORFLOW_DIR', () => {
  it.each(['', 'lib', 'tensorflow'])(
    'finds the library in the folder "%s" of the directory',
    async (folder) => {
      const directory = await scratch();
      const library = await fakeLibrary(path.join(directory, folder));
      const found = await resolve('/nonexistent', { KERAS_EXPLAINABLE_TENSORFLOW_DIR: directory });
      expect(found).toMatchObject({ library, source: 'environment', attempts: [] });
    },
  );

  it('is an error where it names nothing usable, though the cache has a library', async () => {
    const directory = await scratch();
    const cache = path.join(directory, 'cache');
    await fakeLibrary(path.join(directory, 'from'));
    await installTensorflow({ from: path.join(directory, 'from'), cacheDirectory: cache });
    const error = await failure(
      resolve(cache, { KERAS_EXPLAINABLE_TENSORFLOW_DIR: path.join(directory, 'none') }),
    );
    expect(error.code).toBe('NOT_FOUND');
    expect(error.attempts).toHaveLength(1);
    expect(error.message).toContain(`KERAS_EXPLAINABLE_TENSORFLOW_DIR=${directory}/none: no such directory`);
    expect(error.message).toContain('npx keras-explainable install-tensorflow');
  });

  it('says that the framework library is missing', async () => {
    const directory = await scratch();
    await writeFile(path.join(directory, 'libtensorflow_cc.so.2'), '');
    const error = await failure(resolve('/nonexistent', { KERAS_EXPLAINABLE_TENSORFLOW_DIR: directory }));
    expect(error.message).toContain(
      'libtensorflow_framework.so.2, which libtensorflow_cc.so.2 loads, is not in the same folder',
    );
  });

  it('says that the library is for another processor', async () => {
    const directory = await scratch();
    await fakeLibrary(directory, OTHER_MACHINE);
    const error = await failure(resolve('/nonexistent', { KERAS_EXPLAINABLE_TENSORFLOW_DIR: directory }));
    expect(error.message).toMatch(/is built for (arm64|x64); this Node is (arm64|x64)/);
  });

  it('says that a file that is no library is none', async () => {
    const directory = await scratch();
    const library = await fakeLibrary(directory);
    await writeFile(library, 'version https://git-lfs.example/spec/v1\n');
    const error = await failure(resolve('/nonexistent', { KERAS_EXPLAINABLE_TENSORFLOW_DIR: directory }));
    expect(error.message).toContain('libtensorflow_cc.so.2 is no shared library');
  });

  it('says why the library could not be loaded', async () => {
    const directory = await scratch();
    await fakeLibrary(directory);
    const load = () => Promise.reject(new Error('undefined symbol: TF_Version'));
    const error = await failure(
      resolve('/nonexistent', { KERAS_EXPLAINABLE_TENSORFLOW_DIR: directory }, load),
    );
    expect(error.message).toContain(
      'libtensorflow_cc.so.2 could not be loaded: undefined symbol: TF_Version',
    );
  });
});

describe.runIf(linux)('the cache', () => {
  it('is passed over, with the reason, where a library was cut short', async () => {
    const directory = await scratch();
    await fakeLibrary(path.join(directory, 'from'));
    const { library } = await installTensorflow({
      from: path.join(directory, 'from'),
      cacheDirectory: directory,
    });
    expect((await resolve(directory, {})).library).toBe(library);
    await truncate(library, 10);
    const attempts = await resolve(directory, {}).then(
      (found) => found.attempts,
      (error: TensorflowNotFoundError) => error.attempts,
    );
    expect(attempts[0]?.reason).toContain('libtensorflow_cc.so.2 is damaged: 10 bytes instead of 64');
  });

  it('prefers the variant that was installed last', async () => {
    const directory = await scratch();
    const from = path.join(directory, 'from');
    await fakeLibrary(from);
    const cpu = await installTensorflow({ from, variant: 'cpu', cacheDirectory: directory });
    const gpu = await installTensorflow({ from, variant: 'gpu', cacheDirectory: directory });
    await utimes(path.join(cpu.directory, 'install.json'), 1, 1);
    expect((await resolve(directory, {})).library).toBe(gpu.library);
    await utimes(path.join(gpu.directory, 'install.json'), 0, 0);
    expect((await resolve(directory, {})).library).toBe(cpu.library);
  });
});

describe.runIf(linux)('Python', () => {
  it('finds TensorFlow by its metadata and passes over a version that is too old', async () => {
    const directory = await scratch();
    const library = await fakeLibrary(path.join(directory, 'new'));
    const packages = [
      { version: '2.4.1', directory: path.join(directory, 'old') },
      { version: '2.21.0', directory: path.join(directory, 'new') },
    ];
    const python = await fakePython(directory, `echo '${JSON.stringify(packages)}'`);
    const found = await resolve('/nonexistent', { KERAS_EXPLAINABLE_PYTHON: python });
    expect(found).toMatchObject({ library, source: 'python' });
    expect(found.attempts.map(({ reason }) => reason)).toEqual([
      'nothing is installed there',
      'is TensorFlow 2.4.1, older than 2.12. Supported versions: 2.12 to 2.21',
    ]);
  });

  it('goes on to the next place where one library cannot be loaded', async () => {
    const directory = await scratch();
    const packages = [];
    for (const name of ['broken', 'good']) {
      await mkdir(path.join(directory, name));
      await fakeLibrary(path.join(directory, name));
      packages.push({ version: '2.20.0', directory: path.join(directory, name) });
    }
    const python = await fakePython(directory, `echo '${JSON.stringify(packages)}'`);
    const load = (library: string) =>
      library.includes('broken') ? Promise.reject(new Error('no')) : Promise.resolve();
    const found = await resolve('/nonexistent', { KERAS_EXPLAINABLE_PYTHON: python }, load);
    expect(found.library).toContain('/good/');
    expect(found.attempts.at(-1)?.reason).toBe('libtensorflow_cc.so.2 could not be loaded: no');
  });
});

describe.runIf(linux)('ldconfig', () => {
  it('is read for the best library it lists', () => {
    const listing = [
      '\tlibtensorflow.so.2 (libc6,x86-64) => /opt/c/libtensorflow.so.2',
      '\tlibtensorflow_cc.so.2 (libc6,x86-64) => /opt/cc/libtensorflow_cc.so.2',
    ].join('\n');
    expect(libraryDirectoryIn(listing)).toBe('/opt/cc');
    expect(
      libraryDirectoryIn('\tlibtensorflowlite.so (libc6) => /usr/lib/libtensorflowlite.so'),
    ).toBeUndefined();
  });
});
