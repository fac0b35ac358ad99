import { availableParallelism } from 'node:os';
import { checkInteger, checkOptions, checkString, wrongType } from './arguments.js';
import type { NativeModel, NativeSessionOptions } from './binding/contract.js';
import { ensureTensorflow } from './binding/loader.js';
import type { DataOptions } from './data/data_handler.js';
import type { Inputs } from './data/inputs.js';
import { FunctionCache } from './engine/function_cache.js';
import { predict } from './engine/predict.js';
import { ModelError, nativeAsync } from './errors.js';
import type { TensorSpec } from './graph/method.js';
import { type LayerInfo, layersOf } from './layer.js';
import type { Tensor } from './tensor.js';

export interface ThreadOptions {
  /** Threads that one op may use. Default 1: it is the samples of a batch that are spread over the cores. */
  readonly intraOp?: number;
  /** Parts of a batch that are computed at once. Default: the cores that this process may use. */
  readonly interOp?: number;
}

export interface LoadModelOptions {
  /** The signature to take from a SavedModel. Default 'serving_default'. */
  readonly signature?: string;
  /** The tags of the MetaGraph to take from a SavedModel. Default ['serve']. */
  readonly tags?: readonly string[];
  readonly threads?: ThreadOptions;
  /** For a frozen GraphDef (.pb): names of the input tensors. Default: its placeholders. */
  readonly inputs?: readonly string[];
  /** For a frozen GraphDef (.pb): names of the output tensors. Default: the ends of the graph. */
  readonly outputs?: readonly string[];
}

/** What a model and its views share. @internal */
export class ModelCore {
  static #count = 0;
  readonly native: NativeModel;
  readonly session: NativeSessionOptions;
  readonly functions = new FunctionCache();
  /** Tells models apart within this process. */
  readonly key = ++ModelCore.#count;
  closed = false;

  constructor(native: NativeModel, session: NativeSessionOptions) {
    this.native = native;
    this.session = session;
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.functions.close();
    this.native.close();
  }
}

/** A loaded model, or a view of one with other outputs. Made by {@link loadModel} and `inspection.expose`. */
export class Model {
  /** Name, dtype and shape of what the model takes. */
  readonly inputs: readonly TensorSpec[];
  /** Name, dtype and shape of what the model gives. */
  readonly outputs: readonly TensorSpec[];
  /** Its Keras layers, nested ones too, in the order of their computation. */
  readonly layers: readonly LayerInfo[];
  /** @internal */
  readonly core: ModelCore;
  /** @internal The graph's tensors behind `outputs`. */
  readonly outputTensors: readonly string[];
  #explainCounter = { steps: 0 };

  /** @internal */
  constructor(
    core: ModelCore,
    layers: readonly LayerInfo[],
    outputs: readonly TensorSpec[],
    tensors: readonly string[],
  ) {
    this.core = core;
    this.inputs = core.native.inputs;
    this.layers = layers;
    this.outputs = outputs;
    this.outputTensors = tensors;
  }

  /** The steps (batches) that the last `explain` of this model has run so far. */
  get explainCounter(): number {
    return this.#explainCounter.steps;
  }

  /** @internal Starts a count of steps; of several calls at once, the last one's is shown. */
  countSteps(): { steps: number } {
    this.#explainCounter = { steps: 0 };
    return this.#explainCounter;
  }

  get closed(): boolean {
    return this.core.closed;
  }

  /** @internal Throws ModelError (`CLOSED`) once the model is closed. */
  checkOpen(): void {
    if (this.closed) throw new ModelError('CLOSED', 'This model is closed. Load it again with `loadModel`.');
  }

  /** @internal A view whose outputs are these tensors of the graph. */
  withOutputs(outputs: readonly TensorSpec[]): Model {
    this.checkOpen();
    return new Model(
      this.core,
      this.layers,
      outputs,
      outputs.map(({ name }) => name),
    );
  }

  /**
   * The model's outputs for `x`: a Tensor, or a list of them where the model has several outputs.
   *
   * @throws TypeError, RangeError where `x` is not what the model takes, before anything runs.
   */
  predict(x: Inputs, options: PredictOptions = {}): Promise<Tensor | readonly Tensor[]> {
    return predict(this, x, options);
  }

  /**
   * Frees the weights and all compiled functions, of this model and its views. Runs under way end first; later
   * calls throw ModelError (`CLOSED`). Idempotent.
   */
  close(): void {
    this.core.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }
}

export interface PredictOptions extends Pick<DataOptions, 'batchSize' | 'steps'> {
  readonly signal?: AbortSignal;
}

function checkNames(name: string, value: unknown): readonly string[] {
  if (!Array.isArray(value) || value.length === 0 || !value.every((each) => typeof each === 'string')) {
    throw wrongType(name, 'an array of names', value);
  }
  return value;
}

/**
 * Loads a TensorFlow 2 SavedModel (Keras 2 `model.save`, Keras 3 `model.export`, `tf.saved_model.save`) or a frozen
 * GraphDef (`.pb`), on a background thread.
 *
 * @param path the SavedModel's directory, or the `.pb` file.
 * @throws LoadError where the addon or libtensorflow is missing, with the command that mends it.
 * @throws ModelError where the model cannot be read, by its `code`: `NOT_FOUND`, `DATA_LOSS`, ...
 * @throws UnsupportedOpError where it holds what is no pure computation.
 */
export async function loadModel(path: string, options: LoadModelOptions = {}): Promise<Model> {
  checkString('path', path);
  checkOptions('options', options, ['signature', 'tags', 'threads', 'inputs', 'outputs']);
  const { signature, tags, threads = {}, inputs, outputs } = options;
  if (signature !== undefined) checkString('signature', signature);
  if (tags !== undefined) checkNames('tags', tags);
  if (inputs !== undefined) checkNames('inputs', inputs);
  if (outputs !== undefined) checkNames('outputs', outputs);
  checkOptions('threads', threads, ['intraOp', 'interOp']);
  const session = {
    intraOp: checkInteger('threads.intraOp', threads.intraOp ?? 1),
    replicas: checkInteger('threads.interOp', threads.interOp ?? availableParallelism()),
  };
  const addon = await ensureTensorflow();
  const given = Object.entries({ path, signature, tags, inputs, outputs }).filter(
    ([, value]) => value !== undefined,
  );
  const native = await nativeAsync(
    () => addon.loadModel(Object.fromEntries(given) as { path: string }),
    ModelError,
  );
  const core = new ModelCore(native, session);
  return new Model(core, layersOf(native), native.outputs, native.outputTensors);
}
