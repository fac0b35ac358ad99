/** What figures depend on. */
import { existsSync, readFileSync } from 'node:fs';
import os from 'node:os';
import { resolveTensorflow } from '../dist/tensorflow/resolve.js';

const FLAGS = /^(avx|avx2|fma|f16c|avx512.*|avx_vnni|amx.*)$/;

export async function describeMachine() {
  const cpus = os.cpus();
  const { version } = await resolveTensorflow();
  return {
    cpu: cpus[0]?.model ?? 'unknown',
    cores: os.availableParallelism(),
    memory: `${Math.round(os.totalmem() / 2 ** 30)} GiB`,
    node: process.version.slice(1),
    tensorflow: version ?? 'of unknown version',
    system: `${os.type()} ${os.arch()}`,
    flags: cpuFlags(),
  };
}

function cpuFlags() {
  const file = '/proc/cpuinfo';
  if (!existsSync(file)) return [];
  const [, flags = ''] = readFileSync(file, 'utf8').match(/^(?:flags|Features)\s*: (.*)$/m) ?? [];
  return flags.split(' ').filter((flag) => FLAGS.test(flag));
}
