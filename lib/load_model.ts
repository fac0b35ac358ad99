import { availableParallelism } from 'node:os';
import type { Addon, NativeModel } from './binding/contract.js';
import { ensureTensorflow } from './binding/loader.js';
import { fingerprintOf } from './distribute/fingerprint.js';
import { oneDevice } from './distribute/one_device.js';
import { Strategy } from './distribute/strategy.js';
import { predict } from './engine/predict.js';
import { type CustomObjects, checkCustomObjects } from './keras/custom_objects.js';
import { type ImportOptions, importModelFile, refuseOptions } from './keras/import_model_file.js';
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
import { ModelError, nativeAsync, UnsupportedOpError } from './support/errors.js';

export interface ThreadOptions {
  /** Threads per op. Default 1, because the samples of a batch are spread over the cores instead. */
  readonly intraOp?: number;
  /**
   * The number of parts of a batch that are computed at once. If a single part is computed, iterations of its loops
   * (units of a Jacobian, batches of Score-CAM's masks) run at once instead. Default: the number of cores that this
   * process may use.
   */
  readonly interOp?: number;
}

/** The dtypes in which convolutions and matrix products can be computed. */
export const PRECISIONS = ['float32', 'bfloat16'] as const;
export type Precision = (typeof PRECISIONS)[number];

export interface LoadModelOptions {
  /** The signature to take from a SavedModel. Default 'serving_default'. Refused for a frozen GraphDef. */
  readonly signature?: string;
  /** The tags of the MetaGraph to take from a SavedModel. Default ['serve']. Refused for a frozen GraphDef. */
  readonly tags?: readonly string[];
  readonly threads?: ThreadOptions;
  /**
   * The devices that compute the model: `distribute.oneDevice()` (the default), `mirrored` over the devices of this
   * machine, or `multiWorker` over several machines. Results and their order are the same.
   */
  readonly strategy?: Strategy;
  /**
   * The number of batches per execution in `explain` and `predict`, as in Keras' `compile(steps_per_execution)`.
   * Callbacks are called once per execution. For small models whose batches take less than a millisecond. Default 1.
   * Always 1 with `runEagerly`.
   */
  readonly stepsPerExecution?: number;
  /**
   * Whether every value in the graph is checked for NaN and Inf. The first op that yields NaN or Inf, forward or
   * backward, ends the run with a {@link NumericsError} that names the op and its layer. For debugging, not for
   * production: runs take up to twice as long. Default false.
   */
  readonly runEagerly?: boolean;
  /**
   * 'bfloat16': convolutions, matrix products and the ops between them are computed in bfloat16 on CPUs with AVX-512.
   * Other CPUs compute in float32. Inputs, logits (from the last product before them on), softmax, sums of gradients,
   * all ops of methods and filters, and results stay float32. 1.7 to 1.9 times as fast with AVX-512 BF16. Spearman's
   * correlation between maps in bfloat16 and in float32 is 0.999 for CAMs and 0.99 for input gradients of a trained
   * network. Default 'float32'.
   */
  readonly precision?: Precision;
  /**
   * Whether TensorFlow's XLA compiles the graph where possible, once per batch size, as in Keras'
   * `compile(jit_compile)`. For GPUs and models of many small ops. On CPUs, convolutions are slower than with
   * TensorFlow's own kernels (docs/running.md). Default false.
   */
  readonly jitCompile?: boolean;
  /**
   * The model's inputs, in this order: keys of the signature of a SavedModel, or names of tensors of a frozen GraphDef
   * (.pb). Default: all inputs of the signature, or all placeholders.
   */
  readonly inputs?: readonly string[];
  /**
   * The model's outputs, in this order: keys of the signature of a SavedModel, or names of tensors of a frozen GraphDef
   * (.pb). Only ops that these outputs need must be supported. Default: all outputs of the signature, or the ends of
   * the graph, without the strings beside numbers (names of classes), which cannot be returned.
   */
  readonly outputs?: readonly string[];
  /**
   * Types of ops (for example 'ReadFile') that the model may run besides ops that only compute. A SavedModel is a
   * program: the named ops run with all rights of this process (on workers: of the worker) and may, for example, read
   * any file. Use this option only for files that you trust like code. TensorFlow may run such an op while the model is
   * loaded, or only once for all runs if its inputs are constants. Only ops that the outputs need are run. Libraries of
   * custom ops are not loaded. Default [].
   */
  readonly allowOps?: readonly string[];
  /**
   * Whether the model may draw random numbers when it runs: dropout at inference, augmentation that was exported, the
   * sampling of a VAE. All numbers then follow from the option `seed` of `predict` and `explain`, so equal seeds give
   * equal results, and the samples of a batch receive the same numbers. Without this option, a model whose outputs need
   * random numbers is refused. Default false.
   */
  readonly allowRandom?: boolean;
  /**
   * The path of a JSON text with the model's architecture (`model.to_json()` in Python), for an HDF5 file that holds
   * weights only (`model.save_weights`). Refused for all other files.
   */
  readonly architecture?: string;
  /**
   * Layers for classes that Keras does not have, by class name, for files of Keras and layers models of TensorFlow.js.
   * A `Lambda` layer is supplied in the same way: its bytecode is never run. Refused for all other formats, which hold
   * ops instead of layers. Default {}.
   */
  readonly customObjects?: CustomObjects;
}

const DEFAULT = oneDevice();

/** The addon has the same limit, because it starts the threads and a process can have only so many. */
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
  'allowRandom',
  'architecture',
  'customObjects',
] as const;

function checkNames(name: string, value: unknown): readonly string[] {
  if (!Array.isArray(value) || value.length === 0 || !value.every((each) => typeof each === 'string')) {
    throw wrongType(name, 'an array of names', value);
  }
  return value;
}

/** Refuses options that conflict with `runEagerly`, which computes ops unchanged, one by one, in this process. */
function refuseRewriting(asked: {
  readonly bfloat16: boolean;
  readonly jitCompile: boolean;
  readonly workers: boolean;
}): void {
  const mend = '`runEagerly` computes ops as they were saved.';
  if (asked.bfloat16) throw refused('precision', "'float32'", "'bfloat16' with `runEagerly`", mend);
  if (asked.jitCompile) throw refused('jitCompile', 'false', 'true with `runEagerly`', mend);
  if (asked.workers) {
    const without = 'Workers cannot check for NaN and Inf: load the model without `strategy`.';
    throw refused('runEagerly', 'false', 'true with workers', without);
  }
}

/** Imports the model at `path` by the importer of its format: of Keras' formats, or of TensorFlow's. */
async function importModel(addon: Addon, path: string, options: ImportOptions): Promise<NativeModel> {
  const found = await importModelFile(addon, path, options);
  if (found !== null) return found;
  const { architecture, customObjects, ...ofGraphs } = options;
  refuseOptions({ architecture, customObjects }, 'a file that holds the ops of its model');
  const given = Object.entries({ path, ...ofGraphs }).filter(([, value]) => value !== undefined);
  return nativeAsync(() => addon.loadModel(Object.fromEntries(given) as { path: string }), ModelError);
}

/**
 * Loads a model, on background threads. The content of the path decides the format:
 *
 * - a TensorFlow 2 SavedModel (Keras 2 `model.save`, Keras 3 `model.export`, `tf.saved_model.save`): its directory, or
 *   the `saved_model.pb` in it
 * - a frozen GraphDef (`.pb`)
 * - a file of Keras: `.keras`, or HDF5 (`.h5`), of Keras 1 to 3
 * - a TensorFlow.js layers model or graph model: its `model.json`
 *
 * A directory that holds one file of Keras or one `model.json` is also taken.
 *
 * @param path the path of the model.
 * @throws LoadError if the addon or libtensorflow is missing. The message has the command that installs it.
 * @throws ModelError if the model cannot be read. `code` is `NOT_FOUND`, `DATA_LOSS`, ...
 * @throws ModelError (`UNIMPLEMENTED`) if the format is known but does not load (TFLite, ONNX, ...), or if a layer of
 * the file is of an unknown class. The message says what converts the file, or how the layer is supplied.
 * @throws ModelError (`INVALID_ARGUMENT`) if `signature` or `tags` is given for a frozen GraphDef, or if `allowOps` has
 * an unknown type of op, or an op that runs functions.
 * @throws RangeError for an option that the format does not take.
 * @throws UnsupportedOpError if the outputs need an op that does more than compute and `allowOps` does not name it, or
 * random numbers without `allowRandom`.
 * @throws RangeError if this process lacks a device that the strategy names.
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
    allowRandom = false,
    architecture,
    customObjects,
  } = options;
  checkInteger('stepsPerExecution', stepsPerExecution);
  checkBoolean('runEagerly', runEagerly);
  checkBoolean('jitCompile', jitCompile);
  checkBoolean('allowRandom', allowRandom);
  if (signature !== undefined) checkString('signature', signature);
  if (tags !== undefined) checkNames('tags', tags);
  if (inputs !== undefined) checkNames('inputs', inputs);
  if (outputs !== undefined) checkNames('outputs', outputs);
  if (architecture !== undefined) checkString('architecture', architecture);
  if (customObjects !== undefined) checkCustomObjects(customObjects);
  if (!Array.isArray(allowOps) || !allowOps.every((each) => typeof each === 'string')) {
    throw wrongType('allowOps', "an array of types of ops (for example ['ReadFile'])", allowOps);
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
    const mend = "The worker's own settings determine how it computes.";
    throw refused('jitCompile', 'false', 'true with workers', mend);
  }
  const addon = await ensureTensorflow();
  const held = await strategy.acquire({ addon, callers });
  try {
    // Workers identify weights by the fingerprint.
    const fingerprint = held.remote ? await fingerprintOf(path) : undefined;
    const source = {
      ...{ signature, tags, inputs, outputs, architecture, customObjects, fingerprint },
      allowOps: allowOps.length > 0 ? allowOps : undefined,
      allowRandom: allowRandom || undefined,
    };
    const native = await importModel(addon, path, source);
    for (const warning of native.warnings) {
      process.emitWarning(`${path}: ${warning}.`, { type: 'KerasExplainableWarning', code: 'MODEL_FILE' });
    }
    const core = new ModelCore(native, {
      strategy: held,
      session: { intraOp, strategy: held.native, checkNumerics: runEagerly, bfloat16, jitCompile },
      predict,
      // A numerics check names the step of the failure. With several steps per execution, the step would be unknown.
      stepsPerExecution: runEagerly ? 1 : stepsPerExecution,
    });
    return new Model(core, layersOf(native), native.outputs, native.outputTensors);
  } catch (error) {
    held.release();
    // An error without an op is about the file.
    if (error instanceof UnsupportedOpError && error.op === '') {
      throw new ModelError(error.code, error.message, { cause: error.cause });
    }
    throw error;
  }
}
