import type { NativeChainLink, NativeModel, NativeSessionOptions } from '../binding/contract.js';
import type { DataOptions } from '../data/batch.js';
import type { Inputs } from '../data/inputs.js';
import type { Source } from '../data/source.js';
import type { HeldStrategy } from '../distribute/strategy.js';
import type { LayerInfo, TensorSpec } from '../graph/layer.js';
import { ModelError } from '../support/errors.js';
import type { SeedOption } from '../support/seed.js';
import type { RunOptions } from '../support/signal.js';
import type { RaggedTensor } from '../tensor/ragged.js';
import type { Tensor } from '../tensor/tensor.js';
import { FunctionCache } from './function_cache.js';

/** Computes a model's outputs. `loadModel` passes the engine's function in, because the engine uses this room. */
export type Predict = (
  model: Model,
  x: Inputs | Source,
  options: PredictOptions,
) => Promise<Tensor | RaggedTensor | readonly (Tensor | RaggedTensor)[]>;

/** The state that a model and its views share. @internal */
export class ModelCore {
  readonly native: NativeModel;
  readonly session: NativeSessionOptions;
  readonly strategy: HeldStrategy;
  readonly predict: Predict;
  readonly functions = new FunctionCache();
  /** The number of batches that one execution runs. */
  readonly stepsPerExecution: number;
  closed = false;
  /** The cores of other parts of the same model. Closing one closes all. */
  readonly #parts: Set<WeakRef<ModelCore>>;

  constructor(
    native: NativeModel,
    {
      session,
      strategy,
      predict,
      stepsPerExecution,
    }: Pick<ModelCore, 'session' | 'strategy' | 'predict' | 'stepsPerExecution'>,
    whole: ModelCore | null = null,
  ) {
    this.#parts = whole === null ? new Set() : whole.#parts;
    this.#parts.add(new WeakRef(this));
    this.native = native;
    this.session = session;
    this.strategy = strategy;
    this.predict = predict;
    this.stepsPerExecution = stepsPerExecution;
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.functions.close();
    this.native.close();
    this.strategy.release();
    for (const part of this.#parts) part.deref()?.close();
  }

  /** Returns the core of a part of this model, which runs as this model does. */
  part(native: NativeModel): ModelCore {
    for (const part of this.#parts) if (part.deref() === undefined) this.#parts.delete(part);
    return new ModelCore(native, this, this);
  }
}

/** A loaded model, or a view of one with other outputs. Made by {@link loadModel} and `inspection.expose`. */
export class Model {
  /** Name, dtype and shape of each input. */
  readonly inputs: readonly TensorSpec[];
  /** Name, dtype and shape of each output. */
  readonly outputs: readonly TensorSpec[];
  /** The Keras layers in the order of computation, including the layers of nested models. */
  readonly layers: readonly LayerInfo[];
  /** @internal */
  readonly core: ModelCore;
  /** @internal The graph's tensors behind `outputs`. */
  readonly outputTensors: readonly string[];
  /**
   * Whether an output of one sample depends on the other samples of its batch, for example through a batch
   * normalisation with the statistics of the batch, or through `x / tf.reduce_max(x)`. The graph determines the answer.
   * The results of such a model depend on `batchSize`: every batch of the caller is computed whole, in one place.
   * `createExplainer` computes each call alone. A loop or a branch of the graph counts as not mixing.
   */
  readonly mixesSamples: boolean;
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
    this.mixesSamples = core.native.mixesSamples(tensors);
  }

  /** Whether `value` is a Model. A Proxy of a model (Vue's `reactive`, MobX) is not a Model. */
  static [Symbol.hasInstance](value: unknown): value is Model {
    return typeof value === 'object' && value !== null && #explainCounter in value;
  }

  /** The number of steps (batches) that the last `explain` of this model has completed so far. */
  get explainCounter(): number {
    return this.#explainCounter.steps;
  }

  /** @internal Starts a new count of steps. Among concurrent calls, `explainCounter` shows the last call's count. */
  countSteps(): { steps: number } {
    this.#explainCounter = { steps: 0 };
    return this.#explainCounter;
  }

  /** The strategy that computes the model. `model.strategy.status()` returns the state of each replica. */
  get strategy(): HeldStrategy {
    return this.core.strategy;
  }

  get closed(): boolean {
    return this.core.closed;
  }

  /** @internal Throws ModelError (`CLOSED`) once the model is closed. */
  checkOpen(): void {
    if (this.closed) throw new ModelError('CLOSED', 'This model is closed. Load it again with `loadModel`.');
  }

  /** @internal Returns a view whose outputs are these tensors of the graph. */
  withOutputs(outputs: readonly TensorSpec[]): Model {
    this.checkOpen();
    return new Model(
      this.core,
      this.layers,
      outputs,
      outputs.map(({ name }) => name),
    );
  }

  /** @internal Whether any of `outputs` is computed from any of the tensors `from`. */
  dependsOn(outputs: readonly string[], from: readonly string[]): boolean {
    this.checkOpen();
    return this.core.native.dependsOn(outputs, from);
  }

  /** @internal Returns the tensors whose units are those of `output`, from `output` back. */
  outputChain(output: string): readonly NativeChainLink[] {
    this.checkOpen();
    return this.core.native.outputChain(output);
  }

  /** @internal Returns the last computed tensor with several positions on which `output` depends, or null. */
  lastWithPositions(output: string): string | null {
    this.checkOpen();
    return this.core.native.lastWithPositions(output);
  }

  /** @internal Returns the spec of a tensor of the graph ("node:index"), or null. */
  tensorSpec(name: string): TensorSpec | null {
    this.checkOpen();
    return this.core.native.tensorSpec(name);
  }

  /**
   * Computes the model's outputs for `x`.
   *
   * @param x every kind of input that `explain` takes.
   * @returns a Tensor, or a list of Tensors if the model has several outputs.
   * @throws TypeError, RangeError if `x` does not fit the model's inputs, before anything runs.
   */
  predict<X extends Inputs | Source>(x: X, options: PredictOptions = {}): Promise<PredictResultFor<X>> {
    return this.core.predict(this, x, options) as Promise<PredictResultFor<X>>;
  }

  /**
   * Frees the weights and all compiled functions of this model and its views. Runs in flight end first. Later calls
   * throw ModelError (`CLOSED`). Idempotent.
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

export interface PredictOptions extends DataOptions, RunOptions, SeedOption {}

/** The result of `predict`. A source whose batches differ in size gives RaggedTensors. */
export type PredictResultFor<X extends Inputs | Source> = X extends Inputs
  ? Tensor | readonly Tensor[]
  : Tensor | RaggedTensor | readonly (Tensor | RaggedTensor)[];
