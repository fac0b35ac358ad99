/** Builds a native model from a model file that describes its layers. */
import type { Addon, NativeModel, NativeTensor } from '../binding/contract.js';
import { Trace } from '../graph/trace.js';
import { nearNames } from '../support/arguments.js';
import { ModelError } from '../support/errors.js';
import { assignWeights } from './assign_weights.js';
import type { CustomObjects } from './custom_objects.js';
import type { LayerNode } from './layer_node.js';
import type { KerasModelFile } from './model_file.js';
import { readArchitecture } from './read_architecture.js';
import { type RecordedModel, type RecordedTensor, recordModel } from './record_model.js';
import type { StoredArray } from './stored_weights.js';

export interface BuildModelOptions {
  readonly customObjects: CustomObjects;
  /** The names of the inputs and outputs, in this order. Default: all. */
  readonly inputs?: readonly string[] | undefined;
  readonly outputs?: readonly string[] | undefined;
  readonly fingerprint?: string | undefined;
}

/**
 * Builds the model of an opened file. The layers are recorded on this thread, in some 50 µs per op. The weights are
 * read while other work goes on, straight into the memory that TensorFlow reads.
 *
 * @throws ModelError: the errors of `readArchitecture`, `assignWeights` and `recordModel`, and `NOT_FOUND` for an
 *   unknown name in `inputs` or `outputs`.
 */
export async function buildModel(
  addon: Addon,
  file: KerasModelFile,
  { customObjects, inputs, outputs, fingerprint }: BuildModelOptions,
): Promise<NativeModel> {
  const root = readArchitecture(file.architecture);
  if (file.backend === 'theano') refuseConvolutions(root);
  const assigned = assignWeights(root, file);
  const kerasVersion = Number.parseInt(file.kerasVersion, 10) || 1;
  const trace = Trace.create(addon);
  const recorded = trace.run(() => recordModel(root, assigned, { customObjects, kerasVersion }));
  const values = await readWeights(addon, file, recorded);
  try {
    const named = ({ name, symbol }: RecordedTensor) => ({ name, id: symbol.id });
    return await trace.toModel({
      inputs: select('input', recorded.inputs, inputs).map(named),
      outputs: select('output', recorded.outputs, outputs).map(named),
      weights: recorded.weights.map((weight, i) => ({ ...named(weight), value: values[i] as NativeTensor })),
      layers: recorded.layers.map(({ name, path, type, weights, calls }) => ({
        name,
        path,
        type,
        weights,
        calls: calls.map((call) => ({
          scope: call.scope,
          inputs: call.inputs.map(({ id }) => id),
          outputs: call.outputs.map(({ id }) => id),
        })),
      })),
      fingerprint,
    });
  } finally {
    for (const value of values) value.release();
  }
}

/** Throws if the model has a convolution: Theano flips kernels, and Keras stores them as Theano reads them. */
function refuseConvolutions({ className, config, model, sublayers }: LayerNode): void {
  if (/Conv/.test(className)) {
    config.refuse(
      'the file was written by Keras on Theano, whose convolutions flip their kernels',
      'Load the file with Keras 2.3 on TensorFlow and save it again.',
    );
  }
  for (const layer of [...(model?.layers ?? []), ...sublayers.values()]) refuseConvolutions(layer);
}

/** Returns the tensors of the given names, in their order. Default: all. */
function select(
  kind: 'input' | 'output',
  tensors: readonly RecordedTensor[],
  names: readonly string[] | undefined,
): readonly RecordedTensor[] {
  if (names === undefined) return tensors;
  return names.map((name) => {
    const found = tensors.find((each) => each.name === name);
    if (found !== undefined) return found;
    const all = tensors.map((each) => each.name);
    const near = nearNames(name, all);
    throw new ModelError(
      'NOT_FOUND',
      `The model has no ${kind} '${name}'. It has: ${all.join(', ')}.` +
        (near.length > 0 ? ` Did you mean ${near.join(' or ')}?` : ''),
    );
  });
}

async function readWeights(
  addon: Addon,
  file: KerasModelFile,
  { weights }: RecordedModel,
): Promise<NativeTensor[]> {
  const tensors = new Map<StoredArray, NativeTensor>();
  const release = () => {
    for (const tensor of tensors.values()) tensor.release();
  };
  try {
    for (const { array } of weights) {
      if (!tensors.has(array)) tensors.set(array, addon.allocate(array.dtype, array.shape));
    }
    await file.readArrays([...tensors.keys()], (array, bytes, offset) => {
      const { buffer, byteOffset, byteLength } = tensors.get(array) as NativeTensor;
      new Uint8Array(buffer, byteOffset, byteLength).set(bytes, offset);
    });
    return weights.map(({ array }) => tensors.get(array) as NativeTensor);
  } catch (error) {
    release();
    throw error;
  }
}
