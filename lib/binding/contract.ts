/**
 * The types of all exports of the native addon. `native/binding/` implements this contract, and only `lib/` uses it.
 * Every failure of native work throws, or rejects with, a plain `Error` with two properties. `code` is TensorFlow's
 * error code, such as 'NOT_FOUND'. `op` is the node that caused the error, or ''. `lib/support/errors.ts` turns this
 * `Error` into an error class of the package.
 */

/** The element types of tensors that pass between JavaScript and native code, by TensorFlow's names. */
export type DType =
  | 'float32'
  | 'float64'
  | 'float16'
  | 'bfloat16'
  | 'int8'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'uint8'
  | 'uint16'
  | 'uint32'
  | 'uint64'
  | 'bool'
  | 'string'
  | 'variant';

/** A shape as TensorFlow infers it. A `null` dimension is unknown. A `null` shape has unknown rank. */
export type StaticShape = readonly (number | null)[] | null;

export interface NativeTensorSpec {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: StaticShape;
}

/**
 * A dense tensor in 64-byte aligned memory that TensorFlow reads and writes without a copy. `buffer` is an external
 * ArrayBuffer over this memory, and the elements begin at `byteOffset`. If the runtime refuses external ArrayBuffers,
 * `buffer` is a copy, and each run copies `buffer` back. Views of `buffer` keep the memory alive without the
 * NativeTensor. `byteLength` is 0 after `release()`.
 */
export interface NativeTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly buffer: ArrayBuffer;
  readonly byteOffset: number;
  readonly byteLength: number;
  /** Frees the memory and detaches `buffer`. Idempotent. A run that still reads the memory keeps the memory alive. */
  release(): void;
}

export interface NativeLayerCall {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

export interface NativeLayer {
  readonly name: string;
  readonly path: readonly string[];
  readonly type: string;
  readonly calls: readonly NativeLayerCall[];
  readonly weights: readonly string[];
}

export interface NativeBiasTerm {
  /** The name of the tensor to which the bias has just been added. `callModel` accepts this name and `operands`. */
  readonly tensor: string;
  /**
   * How the bias follows from `operands`. add: operands [b], bias b. subtract: operands [b], bias -b. batchNorm:
   * operands [scale, offset, mean, variance], bias offset - mean * scale / sqrt(variance + epsilon).
   */
  readonly kind: 'add' | 'subtract' | 'batchNorm';
  readonly operands: readonly string[];
  /** 0 unless `kind` is 'batchNorm'. */
  readonly epsilon: number;
  /** The axis of `tensor` that corresponds to the last axis of the bias: -1, or 1 for a channels-first layout. */
  readonly axis: number;
}

export interface NativeModel {
  readonly inputs: readonly NativeTensorSpec[];
  readonly outputs: readonly NativeTensorSpec[];
  /** The tensor names ("node:index") of `inputs` and `outputs`. */
  readonly inputTensors: readonly string[];
  readonly outputTensors: readonly string[];
  readonly layers: readonly NativeLayer[];
  readonly weights: readonly NativeTensorSpec[];
  /** Returns the spec of a tensor ("node:index") or a weight, or null for an unknown name. */
  tensorSpec(name: string): NativeTensorSpec | null;
  /**
   * Returns whether any of `outputs` is computed from any of the tensors `from`. Every tensor is computed from itself.
   * Throws NOT_FOUND for an unknown name.
   */
  dependsOn(outputs: readonly string[], from: readonly string[]): boolean;
  /**
   * Returns the additive biases between the model's inputs and `outputs`, in graph order. If `within` is not empty,
   * returns the biases between the tensors `within` and `outputs`. See ModelGraph::BiasTerms in
   * native/model/model_graph.h. Throws NOT_FOUND for an unknown name.
   */
  biasTerms(outputs: readonly string[], within: readonly string[]): NativeBiasTerm[];
  /** Returns the path of the innermost layer of a node or of a weight's node. Null if no layer owns the node. */
  layerOf(node: string): string[] | null;
  /** Returns a copy of a weight's value. Throws NOT_FOUND for an unknown name. */
  weight(name: string): NativeTensor;
  /** Frees the graph and the weights as soon as no compiled function uses them. Idempotent. */
  close(): void;
}

export interface NativeLoadOptions {
  readonly path: string;
  readonly signature?: string;
  readonly tags?: readonly string[];
  /** The input tensors of a frozen GraphDef. */
  readonly inputs?: readonly string[];
  /** The output tensors of a frozen GraphDef. */
  readonly outputs?: readonly string[];
  /**
   * Op types that the model may contain in addition to ops that only compute. `loadModel` rejects with INVALID_ARGUMENT
   * for an unknown op type.
   */
  readonly allowOps?: readonly string[];
  /**
   * A hash of the model's files, which identifies the model's weights on every machine. Workers cache weights by
   * fingerprint across runs and clients. Default: a fingerprint that is unique to this load.
   */
  readonly fingerprint?: string;
}

/** A symbolic tensor of a trace. Ids are unique within a tree of traces. */
export interface NativeSymbol {
  readonly id: number;
  readonly dtype: DType;
  readonly shape: StaticShape;
}

/** An op attribute. Type and length attributes that follow from the inputs (T, N) need not be given. */
export type NativeAttr =
  | boolean
  | string
  | { readonly int: number }
  | { readonly float: number }
  | { readonly dtype: DType }
  | { readonly shape: StaticShape }
  | { readonly ints: readonly number[] }
  | { readonly floats: readonly number[] }
  | { readonly dtypes: readonly DType[] }
  | { readonly shapes: readonly StaticShape[] };

/** The recording of a method (native/trace/trace.h). All calls are synchronous and take microseconds. */
export interface NativeTrace {
  placeholder(dtype: DType, shape: StaticShape, name: string): NativeSymbol;
  /**
   * Copies `data`, the elements of `shape` in the layout of the dtype. A constant of dtype string must be a scalar:
   * `data` holds the bytes of one string.
   */
  constant(dtype: DType, shape: readonly number[], data: ArrayBufferView): NativeSymbol;
  op(
    type: string,
    inputs: readonly (number | readonly number[])[],
    attrs: Readonly<Record<string, NativeAttr>>,
  ): NativeSymbol[];
  /** `outputs`: tensors ("node:index") or weights of the model, by name. */
  callModel(model: NativeModel, inputs: readonly number[], outputs: readonly string[]): NativeSymbol[];
  /** `gradYs`: ids, where `-1` means ones. An empty list means ones for all ys. */
  gradient(
    ys: readonly number[],
    xs: readonly number[],
    gradYs: readonly number[],
    overrides: Readonly<Record<string, string>>,
  ): NativeSymbol[];
  /** Returns one gradient per x. */
  beginJacobian(
    ys: number,
    xs: readonly number[],
    overrides: Readonly<Record<string, string>>,
  ): { body: NativeTrace; gradients: NativeSymbol[] };
  endJacobian(body: NativeTrace, value: number): NativeSymbol;
  /** Begins a loop over `index` = 0 .. `count` - 1 that stacks its values. `count` is an int32 scalar. */
  beginStack(count: number): { body: NativeTrace; index: NativeSymbol };
  endStack(body: NativeTrace, value: number): NativeSymbol;
  body(): NativeTrace;
  /** `count`: the number of turns, an int32 scalar, for `NativeRun.progress`, or -1 if unknown. */
  whileLoop(
    condition: NativeTrace,
    conditionResult: number,
    body: NativeTrace,
    bodyResults: readonly number[],
    initial: readonly number[],
    count: number,
  ): NativeSymbol[];
  /**
   * Encodes what the recording computes for `fetches`. Two encodings are equal if and only if the recordings are equal
   * (native/trace/encode.h). Equations that `fetches` do not need are omitted. Equal equations are merged.
   */
  encode(fetches: readonly number[]): Uint8Array;
  /** Returns the equations that `fetches` need as text, or all equations without `fetches` (native/trace/print.h). */
  print(fetches?: readonly number[]): string;
  /**
   * Builds the graph and its session on a background thread. The feeds are the placeholders of the trace, in the order
   * of their creation. The trace must not be used afterwards.
   *
   * `wholeFeeds`: the positions of feeds that every shard receives whole. Feeds with a scalar placeholder are always
   * whole. All other feeds are split along axis 0. Rejects with INVALID_ARGUMENT for a position that no feed has.
   */
  compile(
    fetches: readonly number[],
    options: NativeSessionOptions,
    wholeFeeds?: readonly number[],
  ): Promise<NativeFunction>;
}

export interface NativeSessionOptions {
  /** The number of threads that one op may use. */
  readonly intraOp: number;
  /** The strategy that runs the function. Workers of a strategy refuse `checkNumerics` (UNIMPLEMENTED). */
  readonly strategy: NativeStrategy;
  /**
   * Whether the floating-point outputs of every op are checked. A run rejects at the first NaN or Inf with an Error
   * that has `numerics`. native/numerics/numerics_checks.h lists the exceptions. Default false.
   */
  readonly checkNumerics?: boolean | undefined;
  /**
   * Whether convolutions and matrix products may be computed in bfloat16 (native/rewrite/bfloat16.h). Default false.
   */
  readonly bfloat16?: boolean | undefined;
  /** How many of the fetches, from the first on, are logits, which stay in float32 with `bfloat16`. Default: all. */
  readonly logits?: number | undefined;
  /** Whether XLA compiles the ops that XLA supports, at the first run of each size. Default false. */
  readonly jitCompile?: boolean | undefined;
}

/**
 * Memory for the rows of one fetch of several runs, which may be in flight at once. The memory is allocated when the
 * first run shows the dtype and shape of a row. A run whose rows differ rejects with INVALID_ARGUMENT and names the
 * fetch.
 */
export interface NativeRows {
  /** The tensor with all rows. Null until the first run that writes to this memory has ended. */
  readonly tensor: NativeTensor | null;
}

/** The memory into which a run writes rows, beginning at `row`. */
export type NativeTarget = { readonly row: number } & (
  | { readonly tensor: NativeTensor }
  | { readonly rows: NativeRows }
);

export interface NativeRunOptions {
  /** The maximum number of rows that a kernel receives at once. */
  readonly shardSize: number;
  /** The first row of every feed with rows. Default 0. Rows at a multiple of 64 bytes are read without a copy. */
  readonly begin?: number | undefined;
  /** The number of rows. Default: all rows from `begin` on. */
  readonly rows?: number | undefined;
  readonly run?: NativeRun | null | undefined;
  /**
   * One target per fetch, into which a native thread copies the rows once. Null, the default, allocates a new tensor.
   * Releasing or detaching a target during the run is safe.
   */
  readonly into?: readonly (NativeTarget | null)[] | null | undefined;
}

/** A replica: a device of this process or a worker that computes shards. */
export interface NativeReplica {
  /** '' for this process, or the address of a worker: 'grpc://host:port'. */
  readonly target: string;
  /** '' for TensorFlow's choice, or a name such as '/device:GPU:0'. A session has as many CPU devices as are named. */
  readonly device: string;
  /**
   * The number of shards that the replica computes at once, each on its own thread. The threads of this process share
   * one session. Default 1. For a worker, 0 means the worker's number of threads.
   */
  readonly callers?: number | undefined;
  /** The maximum number of shards of a run that the replica takes together and computes as one shard. Default 1. */
  readonly shardsAtOnce?: number | undefined;
}

export interface NativeStrategyOptions {
  readonly replicas: readonly NativeReplica[];
  /**
   * The maximum silence of a worker in milliseconds, after which the worker's shards are retried on another replica. A
   * run rejects if no replica is up for this time. Default 30 000.
   */
  readonly timeoutMs?: number | undefined;
  /** The maximum number of retries of a shard after its worker is lost. Default 3. */
  readonly retries?: number | undefined;
  /** This package's version. Workers with another version of the package or of TensorFlow are refused. */
  readonly package?: string | undefined;
}

export interface NativeReplicaStatus {
  /** For example 'host:port /device:GPU:0', '/device:CPU:1' or 'local'. */
  readonly name: string;
  /**
   * 'connecting' before the first answer. 'down' while the worker is lost or unreachable. 'refused' while the server at
   * the address is not a worker of these versions or lacks the device. The connection is retried in both states.
   */
  readonly state: 'connecting' | 'up' | 'down' | 'refused';
  /** The number of shards that the replica has computed. */
  readonly shards: number;
  /** The number of shards that were lost with the replica and retried. */
  readonly failures: number;
  /** The reason of the last loss or failed connection. Null if there was none. */
  readonly lastError: string | null;
}

/**
 * The replicas that compute functions. A free replica takes the next shard. The threads and the connections to workers
 * start with the first run. Any number of functions may share a strategy.
 */
export interface NativeStrategy {
  status(): NativeReplicaStatus[];
  /** Returns the number of shards computed at once. A worker with an unknown number of threads counts as `unknown`. */
  callers(unknown: number): number;
  /** Cancels the runs in flight and ends the threads. Later runs reject with FAILED_PRECONDITION. Idempotent. */
  close(): void;
}

/**
 * `worker` of the Error (UNAVAILABLE) of a run that lost its replicas. Either a shard was lost more than `retries`
 * times, or no replica was up for `timeoutMs`.
 */
export interface NativeWorkerFailure {
  /** The name of the worker that was lost last, as in `status()`. '' if none of several workers was up. */
  readonly name: string;
  /** The reason why the worker was lost or no replica is up. */
  readonly reason: string;
  /** The number of replicas that were lost while computing the rows. 0 if no replica was up. */
  readonly attempts: number;
  /** The first row of the lost shard or, if no replica was up, of the rows that were not computed. */
  readonly row: number;
  readonly rows: number;
}

export interface NativeDevice {
  /** For example '/job:localhost/replica:0/task:0/device:CPU:0'. */
  readonly name: string;
  /** For example 'CPU' or 'GPU'. */
  readonly type: string;
  readonly memoryBytes: number;
}

export interface NativeGpuOptions {
  /** Whether TensorFlow allocates GPU memory as needed instead of all at once. Default true. */
  readonly memoryGrowth?: boolean | undefined;
  /** The maximum fraction of each GPU's memory, in (0, 1]. */
  readonly memoryFraction?: number | undefined;
  /** The numbers of the visible GPUs, for example '0,2'. Default: all. */
  readonly visibleDevices?: string | undefined;
}

export interface NativeServerOptions {
  /** 1 to 65535. */
  readonly port: number;
  /** The number of shards that the worker computes at once. Default 1. */
  readonly threads?: number | undefined;
  /** The number of threads that one op may use. Default 1. */
  readonly intraOp?: number | undefined;
  /** The number of CPU devices. Default 1. */
  readonly cpus?: number | undefined;
  /** This package's version. */
  readonly package: string;
}

/** A compiled graph with a session in this process or on each worker of its strategy. */
export interface NativeFunction {
  /**
   * Runs the graph over the feeds on native threads. Splits the selected rows along axis 0 into shards of at most
   * `shardSize` rows, runs the shards on the replicas, and joins the fetches along axis 0 in order. If one shard holds
   * all rows, the returned tensors are TensorFlow's memory. Otherwise the rows are joined by one copy. With `into`, the
   * returned tensors are the targets.
   *
   * A feed with a scalar placeholder, or a whole feed of `compile`, is passed unchanged to every shard. A placeholder
   * of dtype string and shape (N) is fed with uint8 (N, L): the bytes of each string. If no feed has rows, the run has
   * one shard.
   *
   * Errors before the run starts:
   * - INVALID_ARGUMENT that names the feed, if a feed does not fit its placeholder, the feeds differ in their number of
   *   rows, or a feed lacks rows of the range.
   * - INVALID_ARGUMENT that names the fetch (`op`), if its target has another dtype or shape, is too short, or shares
   *   memory with a feed.
   * - FAILED_PRECONDITION, if the function is closed, a tensor is released or a buffer is detached.
   *
   * Errors during the run:
   * - INVALID_ARGUMENT that names the fetch, if a fetch has lost the batch axis, or its rows differ in shape between
   *   shards or from the target's rows. Targets then hold the rows of the shards that have ended.
   * - CANCELLED, if `run` was cancelled before the last shard started, or while a loop of a shard had turns left.
   */
  run(feeds: readonly NativeTensor[], options: NativeRunOptions): Promise<NativeTensor[]>;
  /**
   * Runs the graph synchronously on the JavaScript thread if former runs of the same sizes were shorter than waking
   * another thread (native/runtime/short_runs.h). Otherwise returns null without running. Throws the errors with which
   * `run` rejects.
   */
  runNow(feeds: readonly NativeTensor[], options: NativeRunOptions): NativeTensor[] | null;
  /** Frees the session and the graph after the runs in flight have ended. Idempotent. */
  close(): void;
}

/** `numerics` of the Error of a run with `checkNumerics`. The Error's `op` is the op that produced the value. */
export interface NativeNumerics {
  /** The type of the op, such as 'Log'. 'Weight' or 'Input' if no op computed the value. */
  readonly type: string;
  /** Whether `op` is a node of the model. Otherwise the method recorded `op`. */
  readonly ofModel: boolean;
  /** 'backward' if the value is the gradient of `op`. */
  readonly pass: 'forward' | 'backward';
  readonly value: 'NaN' | 'Inf';
}

/** The progress of a run's loops, in turns. Loops are a Jacobian's units, `forRange` and `mapRange`. */
export interface NativeProgress {
  /** The number of turns that have ended. Never decreases and never exceeds `total`. */
  readonly done: number;
  /**
   * The number of turns of all shards. 0 before the first loop begins, and in a graph without loops. A shard that has
   * not begun is assumed to have as many turns as the others. `total` grows if a loop's number of turns is known only
   * after earlier loops have ended.
   */
  readonly total: number;
}

/**
 * Cancels one run and reports the run's progress. Created before the run, passed to `NativeFunction.run`, and used
 * while the promise of the run is pending.
 */
export interface NativeRun {
  /**
   * Cancels the run. Shards that have not begun are skipped. In running shards, every loop, including inner loops,
   * stops before its next turn. TensorFlow finishes the ops between two turns, and a graph without a loop, first.
   * Idempotent. Has no effect after the run has ended.
   */
  cancel(): void;
  /**
   * Returns the progress of outermost loops whose number of turns is known. Inner loops are not counted, because their
   * number of turns can differ from turn to turn of the outer loop. Takes microseconds.
   */
  progress(): NativeProgress;
}

export interface NativeMemory {
  /** The number of native tensors that JavaScript holds. */
  readonly liveTensors: number;
  readonly liveBytes: number;
  /** The number of bytes copied into runs since the process began. */
  readonly copiedInBytes: number;
  /** The number of bytes copied out of runs since the process began. */
  readonly copiedOutBytes: number;
}

export interface Addon {
  /**
   * Returns the version that the libtensorflow at `path` reports. Opens the library on a background thread, calls no
   * other function of the library, and does not close the library. Rejects with NOT_FOUND or FAILED_PRECONDITION.
   */
  libraryVersion(path: string): Promise<string>;
  /** Returns whether this processor has AVX, or null on a processor other than x64. */
  hasAvx(): boolean | null;
  /** Loads libtensorflow on a background thread, once per process, and returns the version. Idempotent. */
  loadLibrary(path: string): Promise<string>;
  /**
   * Returns the path of the loaded libtensorflow, or null. Except for createRun, configureGpus, setMemoryLimit and
   * memory, all functions below need the library. Without the library they throw FAILED_PRECONDITION, or reject with
   * FAILED_PRECONDITION if they return a promise.
   */
  loadedPath(): string | null;
  loadModel(options: NativeLoadOptions): Promise<NativeModel>;
  createTrace(): NativeTrace;
  /** Returns a tensor in uninitialised aligned memory. Throws INVALID_ARGUMENT or RESOURCE_EXHAUSTED. */
  allocate(dtype: DType, shape: readonly number[]): NativeTensor;
  /**
   * Copies rows [`begin`, `begin` + `rows`) of `source` into `target` on a native thread, to the rows from `row` on.
   * Default: all rows. `direction` (default 'out') selects the counter of `memory()`. Rejects with INVALID_ARGUMENT if
   * the shapes do not fit, and names both shapes. Rejects with FAILED_PRECONDITION if a tensor is released or detached.
   * Either tensor may be released during the copy.
   */
  copyRows(
    target: NativeTensor,
    row: number,
    source: NativeTensor,
    begin?: number,
    rows?: number,
    direction?: 'in' | 'out',
  ): Promise<void>;
  /**
   * Returns the position of the first NaN among the elements, or -1. The search runs on a native thread. Returns null
   * if JavaScript holds the bytes, because no other thread may read such bytes. Throws FAILED_PRECONDITION if the
   * tensor is released or detached.
   */
  findNaN(tensor: NativeTensor): Promise<number> | null;
  /** See {@link NativeRows}. */
  createRows(rows: number): NativeRows;
  createRun(): NativeRun;
  /** Throws INVALID_ARGUMENT if `replicas` is empty or a target is not an address. */
  createStrategy(options: NativeStrategyOptions): NativeStrategy;
  /** Returns the devices of this process. */
  listDevices(): Promise<NativeDevice[]>;
  /** Configures the GPUs of future sessions. TensorFlow uses the configuration of the first session that sees GPUs. */
  configureGpus(options: NativeGpuOptions): void;
  /**
   * Makes this process a worker by starting TensorFlow's server. The server listens on every address of the machine and
   * ends with the process. Rejects with FAILED_PRECONDITION if this process is already a worker.
   */
  startServer(options: NativeServerOptions): Promise<{ readonly devices: NativeDevice[] }>;
  /**
   * Sets the memory limit of the process, such as the limit of its container, in bytes. 0 means no limit. A run that
   * needs more memory than the limit, or than the machine has, is refused.
   */
  setMemoryLimit(bytes: number): void;
  memory(): NativeMemory;
}
