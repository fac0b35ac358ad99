import type { NativeModel, NativeSessionOptions } from '../binding/contract.js';
import type { DataOptions } from '../data/batch.js';
import type { Inputs } from '../data/inputs.js';
import type { Source } from '../data/source.js';
import type { HeldStrategy } from '../distribute/strategy.js';
import type { LayerInfo, TensorSpec } from '../graph/layer.js';
import { ModelError } from '../support/errors.js';
import type { RunOptions } from '../support/signal.js';
import type { RaggedTensor } from '../tensor/ragged.js';
import type { Tensor } from '../tensor/tensor.js';
import { FunctionCache } from './function_cache.js';

/** What computes a model's outputs: the engine, which stands above this file and is handed in by `loadModel`. */
export type Predict = (
  model: Model,
  x: Inputs | Source,
  options: PredictOptions,
) => Promise<Tensor | RaggedTensor | readonly (Tensor | RaggedTensor)[]>;

/** What a model and its views share. @internal */
export class ModelCore {
  static #count = 0;
  readonly native: NativeModel;
  readonly session: NativeSessionOptions;
  readonly strategy: HeldStrategy;
  readonly predict: Predict;
  readonly functions = new FunctionCache();
  /** Batches that are run in one go. */
  readonly stepsPerExecution: number;
  /** Tells models apart within this process. */
  readonly key = ++ModelCore.#count;
  closed = false;

  constructor(
    native: NativeModel,
    {
      session,
      strategy,
      predict,
      stepsPerExecution,
    }: Pick<ModelCore, 'session' | 'strategy' | 'predict' | 'stepsPerExecution'>,
  ) {
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

  /** Is it a Model itself? A Proxy of one (Vue's `reactive`, MobX) is none. */
  static [Symbol.hasInstance](value: unknown): value is Model {
    return typeof value === 'object' && value !== null && #explainCounter in value;
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

  /** Where it is computed, and how its replicas are: `model.strategy.status()`. */
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

  /** @internal Whether any of `outputs` is computed from any of the tensors `from`. */
  dependsOn(outputs: readonly string[], from: readonly string[]): boolean {
    this.checkOpen();
    return this.core.native.dependsOn(outputs, from);
  }

  /**
   * The model's outputs for `x`, which may be all that `explain` takes: a Tensor, or a list of them where the model has
   * several outputs.
   *
   * @throws TypeError, RangeError where `x` is not what the model takes, before anything runs.
   */
  predict<X extends Inputs | Source>(x: X, options: PredictOptions = {}): Promise<PredictResultFor<X>> {
    return this.core.predict(this, x, options) as Promise<PredictResultFor<X>>;
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

export interface PredictOptions extends DataOptions, RunOptions {}

/** RaggedTensors are for sources whose batches differ in size. */
export type PredictResultFor<X extends Inputs | Source> = X extends Inputs
  ? Tensor | readonly Tensor[]
  : Tensor | RaggedTensor | readonly (Tensor | RaggedTensor)[];
