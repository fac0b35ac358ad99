import { availableParallelism } from 'node:os';
import { ensureTensorflow } from './binding/loader.js';
import { fingerprintOf } from './distribute/fingerprint.js';
import { oneDevice } from './distribute/one_device.js';
import { Strategy } from './distribute/strategy.js';
import { predict } from './engine/predict.js';
import { layersOf } from './model/layer_infos.js';
import { Model, ModelCore } from './model/model.js';
import {
  checkBoolean,
  checkInteger,
  checkNoNul,
  checkOptions,
  checkString,
  refused,
  wrongType,
} from './support/arguments.js';
import { ModelError, nativeAsync } from './support/errors.js';

export interface ThreadOptions {
  /** Threads that one op may use. Default 1: it is the samples of a batch that are spread over the cores. */
  readonly intraOp?: number;
  /**
   * Parts of a batch that are computed at once; of a part that is alone, turns of a loop (units of a Jacobian, batches
   * of Score-CAM's masks). Default: the cores that this process may use.
   */
  readonly interOp?: number;
}

/** What convolutions and matrix products are computed in. */
export const PRECISIONS = ['float32', 'bfloat16'] as const;
export type Precision = (typeof PRECISIONS)[number];

export interface LoadModelOptions {
  /** The signature to take from a SavedModel. Default 'serving_default'. */
  readonly signature?: string;
  /** The tags of the MetaGraph to take from a SavedModel. Default ['serve']. */
  readonly tags?: readonly string[];
  readonly threads?: ThreadOptions;
  /**
   * Where the model is computed: `distribute.oneDevice()` (the default), `mirrored` over the devices of this machine,
   * or `multiWorker` over machines. Results and their order are the same.
   */
  readonly strategy?: Strategy;
  /**
   * Batches that `explain` and `predict` run in one go, as Keras' `compile(steps_per_execution)`: callbacks are called
   * once for all of them. For small models, where a batch takes less than a millisecond. Default 1; 1 with
   * `runEagerly`.
   */
  readonly stepsPerExecution?: number;
  /**
   * Look for what goes wrong: every value is checked on its way from op to op, and the first op that gives NaN or Inf,
   * forward or backward, ends the run with a {@link NumericsError} that names it and its layer. For finding a fault,
   * not for service: runs take up to twice as long. Default false.
   */
  readonly runEagerly?: boolean;
  /**
   * 'bfloat16': convolutions and matrix products, and what stands between them, are computed in bfloat16, on CPUs with
   * AVX-512 (all others compute as before); inputs, logits, softmax, sums of gradients and all that methods and filters
   * do stay float32, as do results. 1.7 to 1.9 times as fast with AVX-512 BF16. Spearman's correlation of maps with
   * those of float32 is 0.999 for CAMs and 0.99 for input gradients of a trained network. Default 'float32'.
   */
  readonly precision?: Precision;
  /**
   * As Keras' `compile(jit_compile)`: TensorFlow's XLA compiles what it can, once for each size of a batch. For GPUs,
   * and models of many small ops; on CPUs it is slower than TensorFlow's own kernels for convolutions
   * (docs/running.md). Default false.
   */
  readonly jitCompile?: boolean;
  /** For a frozen GraphDef (.pb): names of the input tensors. Default: its placeholders. */
  readonly inputs?: readonly string[];
  /** For a frozen GraphDef (.pb): names of the output tensors. Default: the ends of the graph. */
  readonly outputs?: readonly string[];
  /**
   * Types of ops, as 'ReadFile', that the model may run beside those that only compute. A SavedModel is a program: what
   * is named here runs with all rights of this process (with workers: of theirs), and reads files of any name, say. So
   * only for files that you trust as you trust code. TensorFlow runs it when it likes: while the model is loaded, or
   * once for all runs where its inputs are constants. Only what the outputs need is ever run; libraries of custom ops
   * are not loaded. Default [].
   */
  readonly allowOps?: readonly string[];
}

const DEFAULT = oneDevice();

/** Of the addon, which starts them: a process may have but so many. */
const MOST_THREADS = 1024;

const OPTIONS = [
  'signature',
  'tags',
  'threads',
  'strategy',
  'stepsPerExecution',
  'runEagerly',
  'precision',
  'jitCompile',
  'inputs',
  'outputs',
  'allowOps',
] as const;

function checkNames(name: string, value: unknown): readonly string[] {
  if (!Array.isArray(value) || value.length === 0 || !value.every((each) => typeof each === 'string')) {
    throw wrongType(name, 'an array of names', value);
  }
  return value;
}

/** Refuses with `runEagerly` what does not compute ops as they were saved, one by one, in this process. */
function refuseRewriting(asked: {
  readonly bfloat16: boolean;
  readonly jitCompile: boolean;
  readonly workers: boolean;
}): void {
  const mend = 'It computes ops as they were saved.';
  if (asked.bfloat16) throw refused('precision', "'float32'", "'bfloat16' with `runEagerly`", mend);
  if (asked.jitCompile) throw refused('jitCompile', 'false', 'true with `runEagerly`', mend);
  if (asked.workers) {
    const without = 'They cannot look for NaN and Inf: load the model without `strategy`.';
    throw refused('runEagerly', 'false', 'true with workers', without);
  }
}

/**
 * Loads a TensorFlow 2 SavedModel (Keras 2 `model.save`, Keras 3 `model.export`, `tf.saved_model.save`) or a frozen
 * GraphDef (`.pb`), on a background thread.
 *
 * @param path the SavedModel's directory, or the `.pb` file.
 * @throws LoadError where the addon or libtensorflow is missing, with the command that mends it.
 * @throws ModelError where the model cannot be read, by its `code`: `NOT_FOUND`, `DATA_LOSS`, ...
 * @throws ModelError (`INVALID_ARGUMENT`) where `allowOps` names what is no op, or one that runs functions.
 * @throws UnsupportedOpError where its outputs need an op that does not only compute, and that `allowOps` does not
 * name.
 * @throws RangeError where this process lacks a device that the strategy names.
 */
export async function loadModel(path: string, options: LoadModelOptions = {}): Promise<Model> {
  checkString('path', path);
  checkNoNul('path', path);
  checkOptions('options', options, OPTIONS);
  const {
    signature,
    tags,
    threads = {},
    strategy = DEFAULT,
    stepsPerExecution = 1,
    runEagerly = false,
    precision = 'float32',
    jitCompile = false,
    inputs,
    outputs,
    allowOps = [],
  } = options;
  checkInteger('stepsPerExecution', stepsPerExecution);
  checkBoolean('runEagerly', runEagerly);
  checkBoolean('jitCompile', jitCompile);
  if (signature !== undefined) checkString('signature', signature);
  if (tags !== undefined) checkNames('tags', tags);
  if (inputs !== undefined) checkNames('inputs', inputs);
  if (outputs !== undefined) checkNames('outputs', outputs);
  if (!Array.isArray(allowOps) || !allowOps.every((each) => typeof each === 'string')) {
    throw wrongType('allowOps', "an array of types of ops, as ['ReadFile']", allowOps);
  }
  checkOptions('threads', threads, ['intraOp', 'interOp']);
  const intraOp = checkInteger('threads.intraOp', threads.intraOp ?? 1, 1, MOST_THREADS);
  const callers = checkInteger('threads.interOp', threads.interOp ?? availableParallelism(), 1, MOST_THREADS);
  if (!(strategy instanceof Strategy)) {
    throw wrongType(
      'strategy',
      'a strategy',
      strategy,
      'Make one with `distribute.mirrored()`, for example.',
    );
  }
  if (!PRECISIONS.includes(precision)) throw wrongType('precision', "'float32' or 'bfloat16'", precision);
  const bfloat16 = precision === 'bfloat16';
  const workers = strategy.kind === 'multiWorker';
  if (runEagerly) refuseRewriting({ bfloat16, jitCompile, workers });
  if (jitCompile && workers) {
    const mend = 'A worker computes as its own TensorFlow is told to.';
    throw refused('jitCompile', 'false', 'true with workers', mend);
  }
  const addon = await ensureTensorflow();
  const held = await strategy.acquire({ addon, callers });
  try {
    // Workers know weights by it.
    const fingerprint = held.remote ? await fingerprintOf(path) : undefined;
    const given = Object.entries({ path, signature, tags, inputs, outputs, allowOps, fingerprint }).filter(
      ([, value]) => value !== undefined,
    );
    const native = await nativeAsync(
      () => addon.loadModel(Object.fromEntries(given) as { path: string }),
      ModelError,
    );
    const core = new ModelCore(native, {
      strategy: held,
      session: { intraOp, strategy: held.native, checkNumerics: runEagerly, bfloat16, jitCompile },
      predict,
      // What fails is looked for in one step at a time: of several, whose sizes may differ, it would be any.
      stepsPerExecution: runEagerly ? 1 : stepsPerExecution,
    });
    return new Model(core, layersOf(native), native.outputs, native.outputTensors);
  } catch (error) {
    held.release();
    throw error;
  }
}
