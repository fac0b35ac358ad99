/** Loads TensorFlow.js graph models. */
import type { Addon, NativeModel, NativeTensor } from '../../binding/contract.js';
import { ModelError, native, nativeAsync } from '../../support/errors.js';
import type { GraphModelParts } from './graph_model_reader.js';
import { readOnThread } from './graph_model_thread.js';
import { chooseTensors } from './signature.js';

export interface GraphModelOptions {
  /** Names of the signature, or tensors of the graph. Default: the signature's, else the placeholders. */
  readonly inputs?: readonly string[] | undefined;
  /** Names of the signature, or tensors of the graph. Default: the signature's, else the ends of the graph. */
  readonly outputs?: readonly string[] | undefined;
  readonly allowOps?: readonly string[] | undefined;
  readonly allowRandom?: boolean | undefined;
  readonly fingerprint?: string | undefined;
}

/**
 * Loads the graph model at `path`. A thread reads the file and streams the large weights into TensorFlow's memory, so
 * that each weight is held once. The graph then loads like a frozen GraphDef, on a background thread.
 *
 * @param path the path of model.json. The shards that the file names are in the same directory.
 * @throws ModelError if the files cannot be read or the graph cannot be loaded: see `loadModel`.
 */
export async function loadGraphModel(
  addon: Addon,
  path: string,
  { inputs, outputs, allowOps, allowRandom, fingerprint }: GraphModelOptions = {},
): Promise<NativeModel> {
  const values: NativeTensor[] = [];
  let parts: GraphModelParts | undefined;
  try {
    await readOnThread(path, (opened) => {
      parts = opened;
      for (const { shape } of opened.variables) {
        values.push(native(() => addon.allocate('float32', shape), ModelError));
      }
      const memory = values.map(
        ({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength),
      );
      return (variable, bytes, offset) => memory[variable]?.set(bytes, offset);
    });
    const { graph, variables, ...signature } = parts as unknown as GraphModelParts;
    return await nativeAsync(
      () =>
        addon.loadGraph({
          path,
          graph,
          variables: variables.map(({ name }, i) => ({ name, value: values[i] as NativeTensor })),
          inputs: chooseTensors('inputs', signature.inputs, inputs),
          outputs: chooseTensors('outputs', signature.outputs, outputs),
          allowOps,
          allowRandom,
          fingerprint,
        }),
      ModelError,
    );
  } finally {
    for (const value of values) value.release();
  }
}
