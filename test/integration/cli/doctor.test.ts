import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { DEMO, start, temporaryDirectory } from '../helpers/cli_process.js';

const directory = temporaryDirectory();
const SECRETS = { HTTPS_PROXY: 'http://me:secret@proxy:8080', PIP_INDEX_URL: 'https://secret@host/simple' };

const doctor = (args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
  start(['doctor', ...args], env).ended;

describe('doctor', () => {
  test('finds what these tests run on, loads a model and explains with it', async () => {
    const { code, out, err } = await doctor(['--json', '--model', `${DEMO}/model`], SECRETS);
    expect(err).toBe('');
    const { ok, findings } = JSON.parse(out);
    expect(findings.filter(({ status }: { status: string }) => status === 'error')).toEqual([]);
    expect([ok, code]).toEqual([true, 0]);
    const facts = Object.fromEntries(
      findings.map((each: { check: string; facts: object }) => [each.check, each.facts]),
    );
    expect(Object.keys(facts)).toEqual([
      ...[
        'node',
        'cpu',
        'memory',
        'addon',
        'tensorflow',
        'devices',
        'build tools',
        'titles',
        'cache',
        'environment',
        'model',
      ],
    ]);
    expect(facts.node).toMatchObject({
      version: process.versions.node,
      nodeApi: Number(process.versions.napi),
    });
    expect(facts.tensorflow.version).toMatch(/^2\.\d+/);
    expect(facts.addon.path).toMatch(/keras_explainable\.node$/);
    expect(facts.model).toMatchObject({
      layers: 19,
      outputs: [{ shape: [null, 10] }],
      exposed: { activations: { shape: [null, 12, 12, 96] } },
      explained: { method: 'gradcam', maps: [1, 96, 96, 1], finite: true },
    });
    expect(out).not.toContain('secret');
  });

  test('prints what is missing and how to fix it, and ends with 1', async () => {
    const broken = join(directory, 'broken');
    await mkdir(broken);
    // With the head of a library of this machine's kind, so that it is TensorFlow's loading that fails.
    const names = ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'];
    const head = Buffer.alloc(64);
    head.write('\x7fELF\x02\x01\x01', 'latin1');
    head.writeUInt16LE(process.arch === 'arm64' ? 183 : 62, 18);
    for (const name of names) await writeFile(join(broken, name), head);
    const env = { ...SECRETS, KERAS_EXPLAINABLE_TENSORFLOW_DIR: broken };
    const { code, out } = await doctor(['--model', `${DEMO}/model`], env);
    expect(code).toBe(1);
    expect(out).toMatch(/^✔ addon: .*keras_explainable\.node$/m);
    expect(out).toMatch(/^✖ tensorflow: no usable libtensorflow was found$/m);
    expect(out).toMatch(
      /^ {4}passed over KERAS_EXPLAINABLE_TENSORFLOW_DIR=.*broken: .*could not be loaded: ./m,
    );
    expect(out).toMatch(/^ {4}to fix it: set KERAS_EXPLAINABLE_TENSORFLOW_DIR .*install-tensorflow$/m);
    expect(out).toMatch(/^✖ model: demo\/model was not tried/m);
    expect(out).toMatch(/^To fix: tensorflow, model\.$/m);
    expect(out).toContain('HTTPS_PROXY=http://***@proxy:8080');
    expect(out).not.toContain('secret');
  });

  test('a model that is none is its own finding', async () => {
    const { code, out } = await doctor(['--json', '--model', 'test/fixtures/images']);
    expect(code).toBe(1);
    const { ok, findings } = JSON.parse(out);
    expect(ok).toBe(false);
    expect(findings.at(-1)).toMatchObject({ check: 'model', status: 'error' });
    expect(findings.at(-1).found).toContain('test/fixtures/images cannot be loaded');
  });
});
