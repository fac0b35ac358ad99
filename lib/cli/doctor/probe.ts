/**
 * A separate process that runs one probe of `keras-explainable doctor` and sends the result. Native code that crashes
 * ends only this process, not the process that reports the crash.
 */
import { createRequire } from 'node:module';
import type { Addon } from '../../binding/contract.js';
import { loadLibrary } from '../../binding/library.js';
import { addonFiles } from '../../binding/loader.js';
import { devices } from '../../distribute/devices.js';
import { multiply } from '../../graph/ops/arithmetic.js';
import { imageFunction } from '../../image/image_function.js';
import { tensor } from '../../tensor/tensor.js';
import { probeModel } from './probe_model.js';
import type { Probe, ProbeAnswer } from './probing.js';

const require = createRequire(import.meta.url);

async function answer(probe: Probe): Promise<object> {
  switch (probe.kind) {
    case 'module': {
      require(probe.path);
      return {};
    }
    case 'library': {
      const addon = require(probe.addon) as Addon;
      const version = await loadLibrary(addon, probe.addon, probe.library);
      // Only the addon that the package itself would load has the library now.
      if (!addonFiles().includes(probe.addon)) return { version, devices: null };
      await compute();
      return { version, devices: await devices() };
    }
    case 'model':
      return probeModel(probe);
  }
}

/** Runs a graph of one op through all steps of a run. */
async function compute(): Promise<void> {
  const double = imageFunction([{ dtype: 'float32', shape: [1, null] }], (x) => multiply(x, 2));
  const result = await double(tensor([[1, 2, 3]]));
  const values = Array.from(result.data as Float32Array);
  if (values.join() !== '2,4,6') throw new Error(`it computes 2 · (1, 2, 3) as (${values.join(', ')})`);
}

async function main(): Promise<void> {
  let message: ProbeAnswer;
  try {
    message = { result: await answer(JSON.parse(process.argv[2] as string) as Probe) };
  } catch (error) {
    message = { reason: error instanceof Error ? error.message : String(error) };
  }
  process.send?.(message, () => process.disconnect());
}

await main();
