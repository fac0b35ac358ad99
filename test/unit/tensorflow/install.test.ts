import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { create } from 'tar';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type InstallProgress, installTensorflow, wheelTarget } from '../../../lib/tensorflow/install.js';
import { TensorflowInstallError } from '../../../lib/tensorflow/install_errors.js';
import { PINNED } from '../../../lib/tensorflow/pins.js';
import { fakeLibrary, scratch } from './fixtures.js';

const linux = process.platform === 'linux';

/** An archive of the official layout, and its SHA-256. */
async function archive(directory: string): Promise<{ file: string; digest: string }> {
  const tree = path.join(directory, 'tree');
  await fakeLibrary(path.join(tree, 'lib'));
  await mkdir(path.join(tree, 'include'));
  await writeFile(path.join(tree, 'LICENSE'), 'Apache');
  await writeFile(path.join(tree, 'unrelated'), '');
  const file = path.join(directory, 'libtensorflow.tar.gz');
  await create({ file, cwd: tree, gzip: true }, ['./lib', './include', './LICENSE', './unrelated']);
  const digest = createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
  return { file, digest };
}

describe.runIf(linux)('installing from a directory', () => {
  it('copies the library and says what it did', async () => {
    const directory = await scratch();
    await fakeLibrary(path.join(directory, 'from'));
    const cacheDirectory = path.join(directory, 'cache');
    const installed = await installTensorflow({ from: path.join(directory, 'from'), cacheDirectory });
    expect(installed).toMatchObject({ version: 'custom', variant: 'cpu', installed: true });
    expect((await stat(installed.library)).size).toBe(64);
    expect(await readdir(cacheDirectory)).toEqual([path.basename(installed.directory)]);
  });

  it('waits for another installation and leaves one result', async () => {
    const directory = await scratch();
    await fakeLibrary(path.join(directory, 'from'));
    const cacheDirectory = path.join(directory, 'cache');
    const phases: InstallProgress['phase'][] = [];
    const options = {
      from: path.join(directory, 'from'),
      cacheDirectory,
      onProgress: ({ phase }: InstallProgress) => void phases.push(phase),
    };
    const [first, second] = await Promise.all([installTensorflow(options), installTensorflow(options)]);
    expect(first.library).toBe(second.library);
    expect(phases).toContain('wait');
    expect(await readdir(cacheDirectory)).toHaveLength(1);
  });

  it('clears away what an interrupted installation left', async () => {
    const directory = await scratch();
    await fakeLibrary(path.join(directory, 'from'));
    const cacheDirectory = path.join(directory, 'cache');
    await mkdir(path.join(cacheDirectory, '.staging-1', 'content'), { recursive: true });
    await installTensorflow({ from: path.join(directory, 'from'), cacheDirectory });
    expect(await readdir(cacheDirectory)).not.toContain('.staging-1');
  });

  it('leaves nothing where it is aborted', async () => {
    const directory = await scratch();
    await fakeLibrary(path.join(directory, 'from'));
    const cacheDirectory = path.join(directory, 'cache');
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(
      installTensorflow({ from: path.join(directory, 'from'), cacheDirectory, signal }),
    ).rejects.toThrow('enough');
    expect(await readdir(cacheDirectory)).toEqual([]);
  });

  it('refuses a directory without a library and a variant that does not exist', async () => {
    const directory = await scratch();
    const cacheDirectory = path.join(directory, 'cache');
    await expect(installTensorflow({ from: directory, cacheDirectory })).rejects.toThrow(
      /holds no libtensorflow_cc/,
    );
    await expect(installTensorflow({ variant: 'tpu' as 'gpu', cacheDirectory })).rejects.toThrow(
      `Expected 'cpu' or 'gpu' for variant but received "tpu"`,
    );
  });

  it.runIf(PINNED[`${process.platform}-${process.arch}`])(
    'refuses a wheel that is not the pinned one',
    async () => {
      const directory = await scratch();
      const wheel = PINNED[`${process.platform}-${process.arch}`]?.cpu;
      await writeFile(path.join(directory, wheel?.file ?? ''), 'not a wheel');
      const cacheDirectory = path.join(directory, 'cache');
      const promise = installTensorflow({ from: directory, cacheDirectory });
      await expect(promise).rejects.toThrow(TensorflowInstallError);
      await expect(promise).rejects.toThrow(`expected SHA-256 ${wheel?.sha256} but received`);
      expect(await readdir(cacheDirectory)).toEqual([]);
    },
  );
});

describe.runIf(linux)('installing an archive', () => {
  it('unpacks the libraries and licences of a local file', async () => {
    const directory = await scratch();
    const { file, digest } = await archive(directory);
    const cacheDirectory = path.join(directory, 'cache');
    const installed = await installTensorflow({
      from: 'tarball',
      tarball: file,
      sha256: digest,
      cacheDirectory,
    });
    expect(installed.library).toMatch(/tensorflow\/lib\/libtensorflow_cc\.so\.2$/);
    expect((await readdir(path.join(installed.directory, 'tensorflow'))).sort()).toEqual([
      'LICENSE',
      'include',
      'lib',
    ]);
  });

  it('downloads a URL, and refuses one without a checksum, with a wrong one, and one that is not there', async () => {
    const directory = await scratch();
    const { file, digest } = await archive(directory);
    const content = await readFile(file);
    const server = createServer((request, response) => {
      response.statusCode = request.url === '/libtensorflow.tar.gz' ? 200 : 404;
      response.end(request.url === '/libtensorflow.tar.gz' ? content : undefined);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const install = (tarball: string, sha256?: string) =>
      installTensorflow({ from: 'tarball', tarball, sha256, cacheDirectory: path.join(directory, 'cache') });

    await expect(install(`${base}/libtensorflow.tar.gz`)).rejects.toThrow(
      'KERAS_EXPLAINABLE_TENSORFLOW_TARBALL_SHA256',
    );
    await expect(install(`${base}/libtensorflow.tar.gz`, '0'.repeat(64))).rejects.toThrow(
      'is not the pinned file',
    );
    await expect(install(`${base}/none.tar.gz`, digest)).rejects.toThrow('answered 404');
    expect((await install(`${base}/libtensorflow.tar.gz`, digest)).installed).toBe(true);
  });

  it('asks for the archive where none is named', async () => {
    const cacheDirectory = await scratch();
    await expect(installTensorflow({ from: 'tarball', cacheDirectory })).rejects.toThrow(
      'KERAS_EXPLAINABLE_TENSORFLOW_TARBALL but the variable is not set',
    );
  });
});

// Node's recursive `mkdir` never returns there.
it.runIf(process.platform === 'linux')('a cache that cannot be made is refused at once', async () => {
  await expect(installTensorflow({ cacheDirectory: '/proc/foo/bar' })).rejects.toThrow(
    /The cache \/proc\/foo\/bar cannot be used: nothing can be written to '\/proc'/,
  );
});

describe('a wheel', () => {
  it('is unpacked as far as it is needed', () => {
    const kept = [
      'tensorflow/libtensorflow_cc.so.2',
      'tensorflow/THIRD_PARTY_NOTICES.txt',
      'nvidia/nccl/lib/libnccl.so.2',
    ];
    for (const name of kept) expect(wheelTarget(name)).toBe(name);
    expect(wheelTarget('tensorflow/include/tensorflow/c/c_api.h')).toBe(
      'tensorflow/include/tensorflow/c/c_api.h',
    );
    expect(wheelTarget('tensorflow/include/LICENSE')).toBe('tensorflow/LICENSE');
    expect(wheelTarget('nvidia_nccl_cu12-2.32.3.dist-info/licenses/License.txt')).toBe(
      'nvidia/licenses/nvidia_nccl_cu12-2.32.3-License.txt',
    );
    for (const name of [
      'tensorflow/__init__.py',
      'tensorflow/python/_pywrap.so',
      'tensorflow/include/Eigen/Core',
    ]) {
      expect(wheelTarget(name)).toBeUndefined();
    }
  });
});
