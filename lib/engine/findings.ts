/** Warnings about what a run returned: maps that show no place, and probabilities whose gradients vanish. */
import { loadedAddon } from '../binding/loader.js';
import type { AnyMethod } from '../graph/method.js';
import { outputActivation } from '../inspection/output_activation.js';
import { descriptorOf } from '../methods/descriptor.js';
import type { Model } from '../model/model.js';
import { nativeAsync } from '../support/errors.js';
import { hasWarned, warnOnce } from '../support/warn_once.js';
import { Tensor } from '../tensor/tensor.js';

const CONSTANT = 'CONSTANT_MAPS';
const SATURATED = 'SATURATED_OUTPUT';

/** A probability above this value has a gradient below a thousandth of its logit's. */
const SATURATION = 0.999;
/** The maximum number of logits that are looked at, so that the event loop is not blocked. */
const MOST_LOGITS = 4096;

/**
 * Warns, once per model, about maps that have one value at all positions, and about gradients of a softmax or sigmoid
 * whose results are saturated. Maps whose memory JavaScript holds are not looked at, nor are logits of 16 bits.
 */
export async function warnOfFindings(
  method: AnyMethod,
  model: Model,
  { logits, maps }: { readonly logits: unknown; readonly maps: unknown },
): Promise<void> {
  if (logits instanceof Tensor && !logits.released) warnOfSaturation(method, model, logits);
  if (maps instanceof Tensor) await warnOfConstantMaps(model, maps);
}

async function warnOfConstantMaps({ core }: Model, maps: Tensor): Promise<void> {
  if (hasWarned(core, CONSTANT)) return;
  const count = await countConstantMaps(maps);
  if (count === null || count === 0) return;
  const total = (maps.shape[0] as number) * (maps.shape.at(-1) as number);
  warnOnce(
    core,
    CONSTANT,
    `${count} of ${total} maps have the same value at all positions, so they show no place. Either the explained ` +
      'activations have a single position (expose those of an earlier layer), or the evidence is the same everywhere ' +
      'or left out by the filter: `postprocessing: null` returns raw maps.',
  );
}

/**
 * @internal Returns how many of the maps (N, ...positions, U) have one value at all positions, or null if the maps have
 * no positions or JavaScript holds their memory.
 */
export async function countConstantMaps(maps: Tensor): Promise<number | null> {
  const { aligned } = maps;
  if (maps.shape.length < 3 || aligned === null) return null;
  return nativeAsync(async () => loadedAddon().countConstantMaps(aligned));
}

/** @internal Warns, once per model, about gradients of a softmax or sigmoid whose results `logits` are saturated. */
export function warnOfSaturation(method: AnyMethod, model: Model, logits: Tensor): void {
  // The caller may close the model while its last run ends. The results of the run stay valid.
  if (model.closed || hasWarned(model.core, SATURATED)) return;
  const needs = descriptorOf(method)?.needs ?? ['gradients'];
  if (!needs.includes('gradients')) return;
  const activation = outputActivation(model);
  if (activation === null) return;
  const { data, dtype } = logits;
  if (dtype !== 'float32' && dtype !== 'float64') return;
  let most = 0;
  for (let i = 0; i < Math.min(data.length, MOST_LOGITS); i++) {
    const value = Number(data[i]);
    // A sigmoid saturates at both ends. Small probabilities of a softmax belong to the other classes.
    most = Math.max(most, activation === 'sigmoid' ? Math.max(value, 1 - value) : value);
  }
  if (most < SATURATION) return;
  warnOnce(
    model.core,
    SATURATED,
    `The explained output is a ${activation}, and some of its probabilities are saturated (${most.toPrecision(6)}): their ` +
      `gradients nearly vanish, and what is left of them is scaled up to full maps. Explain what enters the ` +
      `${activation}: \`inspection.expose(model, null, { activation: 'linear' })\`, or with \`[]\` instead of null for a ` +
      'method that needs no activations.',
  );
}
