/** onnxruntime's CPU library for Node, in a separate process. */
import { copyFileSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { ROOT, run, step, unlessUnchanged } from '../../scripts/setup/process.mjs';
import { Peer } from './peer.mjs';

const HERE = path.join('bench', 'peers', 'onnx');
const THERE = path.join('build', 'bench', 'peers', 'onnx');
const FILES = ['package.json', 'package-lock.json'];

/** Installs onnxruntime. It is not a dependency of this package, because only the benchmark needs its 300 MB. */
async function install() {
  const inputs = FILES.map((file) => path.join(HERE, file));
  const outputs = [path.join(THERE, 'node_modules', 'onnxruntime-node')];
  await unlessUnchanged('bench-onnxruntime', { inputs, outputs }, async () => {
    step(`Installing onnxruntime into ${THERE}`);
    mkdirSync(path.join(ROOT, THERE), { recursive: true });
    for (const file of FILES) copyFileSync(path.join(ROOT, HERE, file), path.join(ROOT, THERE, file));
    // onnxruntime's install script would download GPU libraries.
    await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: path.join(ROOT, THERE) });
  });
}

export async function startOnnx() {
  await install();
  const script = path.join(ROOT, 'bench', 'peers', 'onnx_peer.mjs');
  return new Peer(process.execPath, [script, path.join(ROOT, THERE, 'package.json')]);
}
