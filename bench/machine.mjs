/** What figures depend on. */
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
    // It is loaded already: that only tells its version.
    tensorflow: await addon.loadLibrary(addon.loadedPath()),
    system: `${os.type()} ${os.arch()}`,
    flags: facts.instructions,
  };
}
