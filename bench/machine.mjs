/** Describes the machine, on which all figures depend. */
import os from 'node:os';
import { ensureTensorflow } from '../dist/binding/loader.js';
import { cpuFinding } from '../dist/cli/doctor/system.js';

export async function describeMachine() {
  const { facts } = await cpuFinding();
  const addon = await ensureTensorflow();
  return {
    cpu: facts.model,
    cores: facts.cores,
    memory: `${Math.round(os.totalmem() / 2 ** 30)} GiB`,
    node: process.versions.node,
    // TensorFlow is already loaded, so this call only returns the version.
    tensorflow: await addon.loadLibrary(addon.loadedPath()),
    system: `${os.type()} ${os.arch()}`,
    flags: facts.instructions,
  };
}
