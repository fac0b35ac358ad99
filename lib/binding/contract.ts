/**
 * The native addon, as TypeScript sees it: the one list of what it exports. `native/binding/` implements it;
 * nothing outside `lib/` uses it. Every failure of native work is thrown (or rejects) as a plain `Error` with
 * `code` (TensorFlow's, as 'NOT_FOUND') and `op` (the node at fault, or ''); `lib/support/errors.ts` turns it into
 * ours.
 */

/** Element types that cross the boundary, by TensorFlow's names. */
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

/** A shape as TensorFlow infers it: `null` for an unknown dimension, or in place of the whole for unknown rank. */
export type StaticShape = readonly (number | null)[] | null;

export interface NativeTensorSpec {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: StaticShape;
}

/**
 * A dense tensor in 64-byte aligned memory that TensorFlow reads and writes without a copy. `buffer` is that
 * memory (an external ArrayBuffer; where those are refused, a copy of it that each run copies back), from
 * `byteOffset` on. Views of `buffer` keep the memory alive without the NativeTensor; `byteLength` is 0 once it is
 * released.
 */
export interface NativeTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly buffer: ArrayBuffer;
  readonly byteOffset: number;
  readonly byteLength: number;
  /** Gives the memory back now: `buffer` is detached. Idempotent. A run that still reads it keeps it alive. */
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
  /** The tensor just after the bias was added. Tensor names, here and in `operands`, are usable with callModel. */
  readonly tensor: string;
  /**
   * The bias, of `operands`: add: [b] is b; subtract: [b] is -b; batchNorm: [scale, offset, mean, variance] is
   * offset - mean * scale / sqrt(variance + epsilon).
   */
  readonly kind: 'add' | 'subtract' | 'batchNorm';
  readonly operands: readonly string[];
  /** 0 but for batchNorm. */
  readonly epsilon: number;
  /** The axis of `tensor` along which the last axis of the bias lies: -1, or 1 where channels come first. */
  readonly axis: number;
}

export interface NativeModel {
  readonly inputs: readonly NativeTensorSpec[];
  readonly outputs: readonly NativeTensorSpec[];
  /** The tensor names ("node:index") behind `inputs` and `outputs`. */
  readonly inputTensors: readonly string[];
  readonly outputTensors: readonly string[];
  readonly layers: readonly NativeLayer[];
  readonly weights: readonly NativeTensorSpec[];
  /** Of a tensor ("node:index") or a weight. */
  tensorSpec(name: string): NativeTensorSpec | null;
  /**
   * Whether any of `outputs` is computed from any of the tensors `from`; a tensor is computed from itself. Throws
   * NOT_FOUND.
   */
  dependsOn(outputs: readonly string[], from: readonly string[]): boolean;
  /**
   * The additive biases on the way from the model's inputs to `outputs`, in graph order; where `within` names
   * tensors, from these (ModelGraph::BiasTerms in native/model/model_graph.h). Throws NOT_FOUND.
   */
  biasTerms(outputs: readonly string[], within: readonly string[]): NativeBiasTerm[];
  /** The path of the innermost layer that a node of the model, or a weight's, belongs to; null for none. */
  layerOf(node: string): string[] | null;
  /** A copy of a weight's value. Throws NOT_FOUND. */
  weight(name: string): NativeTensor;
  /** Frees the graph and weights once no compiled function uses them. Idempotent. */
  close(): void;
}

export interface NativeLoadOptions {
  readonly path: string;
  readonly signature?: string;
  readonly tags?: readonly string[];
  /** For a frozen GraphDef. */
  readonly inputs?: readonly string[];
  readonly outputs?: readonly string[];
  /** Types of ops that the model may hold beside those that only compute. Throws INVALID_ARGUMENT for what is no op. */
  readonly allowOps?: readonly string[];
  /**
   * What tells this model's weights from all others, on every machine: a hash of its files. Workers keep weights by it,
   * from run to run and from client to client. Default: one that no other load has.
   */
  readonly fingerprint?: string;
}

/** A symbolic tensor of a trace. Ids are unique in a tree of traces. */
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

/** What a method records (native/graph/trace.h). All calls are synchronous and take microseconds. */
export interface NativeTrace {
  placeholder(dtype: DType, shape: StaticShape, name: string): NativeSymbol;
  /**
   * `data` holds the elements of `shape` in the dtype's own layout; it is copied. Of dtype string only scalars:
   * the bytes of one string.
   */
  constant(dtype: DType, shape: readonly number[], data: ArrayBufferView): NativeSymbol;
  op(
    type: string,
    inputs: readonly (number | readonly number[])[],
    attrs: Readonly<Record<string, NativeAttr>>,
  ): NativeSymbol[];
  /** `outputs`: tensors ("node:index") or weights of the model, by name. */
  callModel(model: NativeModel, inputs: readonly number[], outputs: readonly string[]): NativeSymbol[];
  /** `gradYs`: ids, `-1` for ones; empty for ones everywhere. */
  gradient(
    ys: readonly number[],
    xs: readonly number[],
    gradYs: readonly number[],
    overrides: Readonly<Record<string, string>>,
  ): NativeSymbol[];
  /** One gradient per x. */
  beginJacobian(
    ys: number,
    xs: readonly number[],
    overrides: Readonly<Record<string, string>>,
  ): { body: NativeTrace; gradients: NativeSymbol[] };
  endJacobian(body: NativeTrace, value: number): NativeSymbol;
  /** A loop over `index` = 0 .. `count` - 1 whose values are stacked; `count` is an int32 scalar. */
  beginStack(count: number): { body: NativeTrace; index: NativeSymbol };
  endStack(body: NativeTrace, value: number): NativeSymbol;
  body(): NativeTrace;
  /** `count`: an int32 scalar, how many turns there will be, for `NativeRun.progress`; -1 where that is not known. */
  whileLoop(
    condition: NativeTrace,
    conditionResult: number,
    body: NativeTrace,
    bodyResults: readonly number[],
    initial: readonly number[],
    count: number,
  ): NativeSymbol[];
  /**
   * Builds the graph and its session on a background thread. Feeds are the trace's placeholders in the order in
   * which they were made. The trace must not be used afterwards.
   *
   * `wholeFeeds`: positions of feeds that go to every shard as they are, as those do whose placeholder is a scalar. All
   * others are split along axis 0. Rejects with INVALID_ARGUMENT for a position that no feed has.
   */
  compile(
    fetches: readonly number[],
    options: NativeSessionOptions,
    wholeFeeds?: readonly number[],
  ): Promise<NativeFunction>;
}

export interface NativeSessionOptions {
  /** Threads that one op may use. */
  readonly intraOp: number;
  /** What the function runs on. Workers in it refuse `checkNumerics` (UNIMPLEMENTED). */
  readonly strategy: NativeStrategy;
  /**
   * Whether every floating value is checked on its way from the op that gave it: a run fails with the first that is
   * NaN or Inf, as an Error with `numerics` (native/numerics/numerics_checks.h says what is let pass). Default false.
   */
  readonly checkNumerics?: boolean | undefined;
  /**
   * Whether convolutions and matrix products may be computed in bfloat16 (native/rewrite/bfloat16.h). Default false.
   */
  readonly bfloat16?: boolean | undefined;
  /** Whether XLA compiles what it can, at the first run of each size. Default false. */
  readonly jitCompile?: boolean | undefined;
}

/**
 * Memory for the rows of one fetch over several runs, which may be under way at once. It is made by the first that
 * shows what a row is; a run whose rows are others rejects with INVALID_ARGUMENT, naming the fetch.
 */
export interface NativeRows {
  /** All rows, always the same tensor; null until a run that writes here has ended. */
  readonly tensor: NativeTensor | null;
}

/** Rows that a run writes, from `row` on. */
export type NativeTarget = { readonly row: number } & (
  | { readonly tensor: NativeTensor }
  | { readonly rows: NativeRows }
);

export interface NativeRunOptions {
  /** Rows that reach a kernel at once, at most. */
  readonly shardSize: number;
  /** The first row of every feed with rows. Default 0. Rows that begin at 64 bytes are read where they are. */
  readonly begin?: number | undefined;
  /** How many rows of them. Default: all from `begin` on. */
  readonly rows?: number | undefined;
  readonly run?: NativeRun | null | undefined;
  /**
   * One per fetch: where its rows go, by one copy on a native thread; null (the default) for a tensor of its own. A
   * target that is released or detached meanwhile does no harm.
   */
  readonly into?: readonly (NativeTarget | null)[] | null | undefined;
}

/** Who computes shards. */
export interface NativeReplica {
  /** '' for this process, or a worker: 'grpc://host:port'. */
  readonly target: string;
  /** '' for TensorFlow's choice, or as '/device:GPU:0'. A session has as many CPU devices as are named here. */
  readonly device: string;
  /**
   * Shards that it computes at once, each by a thread. Those of this process share one session. Default 1; 0, of a
   * worker: its threads.
   */
  readonly callers?: number | undefined;
  /** Shards of a run that it takes in one go and computes as one. Default 1. */
  readonly shardsAtOnce?: number | undefined;
}

export interface NativeStrategyOptions {
  readonly replicas: readonly NativeReplica[];
  /**
   * So long a worker may be silent before its shards are given to another, and so long a run waits while no replica is
   * up, before it fails. Default 30 000.
   */
  readonly timeoutMs?: number | undefined;
  /** So often, at most, a shard is run again because the worker that had it was lost. Default 3. */
  readonly retries?: number | undefined;
  /** This package's version: workers of another, or of another TensorFlow, are refused. */
  readonly package?: string | undefined;
}

export interface NativeReplicaStatus {
  /** As 'host:port /device:GPU:0', '/device:CPU:1' or 'local'. */
  readonly name: string;
  /**
   * 'connecting' before the first answer; 'down' while it is lost or cannot be reached, 'refused' while what answers is
   * no worker of these versions: both are tried again and again.
   */
  readonly state: 'connecting' | 'up' | 'down' | 'refused';
  /** Shards that it has computed. */
  readonly shards: number;
  /** Shards that were lost with it, and run again. */
  readonly failures: number;
  /** Why it was lost, or cannot be reached, last; null where it never was. */
  readonly lastError: string | null;
}

/**
 * The replicas that functions run on: a free one takes the next shard. Threads, and the connections to workers, start
 * with the first run. Any number of functions may share it.
 */
export interface NativeStrategy {
  status(): NativeReplicaStatus[];
  /** Shards that are computed at once; workers that have not said how many threads they have count as `unknown`. */
  callers(unknown: number): number;
  /** Cancels the runs under way and ends the threads; later runs reject with FAILED_PRECONDITION. Idempotent. */
  close(): void;
}

/**
 * `worker` of the Error (UNAVAILABLE) by which a run fails that lost its replicas: a shard was lost more often than
 * `retries`, or no replica was up for `timeoutMs`.
 */
export interface NativeWorkerFailure {
  /** The worker that was lost last, as in its status; '' where none of several was up. */
  readonly name: string;
  /** Why that was lost, or no replica is up. */
  readonly reason: string;
  /** Replicas that the rows were lost with; 0 where none was up. */
  readonly attempts: number;
  /** The first row of the run that was not computed: of the shard that was lost, or of all that were left. */
  readonly row: number;
  readonly rows: number;
}

export interface NativeDevice {
  /** As '/job:localhost/replica:0/task:0/device:CPU:0'. */
  readonly name: string;
  /** As 'CPU', 'GPU'. */
  readonly type: string;
  readonly memoryBytes: number;
}

export interface NativeGpuOptions {
  /** Take memory as it is needed instead of all at once. Default true. */
  readonly memoryGrowth?: boolean | undefined;
  /** Of each GPU's memory, at most: in (0, 1]. */
  readonly memoryFraction?: number | undefined;
  /** As '0,2'. Default: all. */
  readonly visibleDevices?: string | undefined;
}

export interface NativeServerOptions {
  /** 1 to 65535. */
  readonly port: number;
  /** Shards that are computed at once. Default 1. */
  readonly threads?: number | undefined;
  /** Threads that one op may use. Default 1. */
  readonly intraOp?: number | undefined;
  /** CPU devices. Default 1. */
  readonly cpus?: number | undefined;
  /** This package's version. */
  readonly package: string;
}

/** A compiled graph with a session in each place of its strategy. */
export interface NativeFunction {
  /**
   * Runs the graph over the feeds, off the JavaScript thread: splits the rows asked for along axis 0 into shards of at
   * most `shardSize`, runs the shards on the replicas and joins the fetches along axis 0, in order. Rejects with
   * CANCELLED when `run` was cancelled before the last shard started, or while a loop of a shard had turns left. The
   * returned tensors are TensorFlow's memory where one shard held all rows, else they are joined by one copy; with
   * `into` they are the tensors given there.
   *
   * A feed whose placeholder is a scalar, or that was compiled as a whole feed, goes to every shard as it is. A
   * placeholder of dtype string and shape (N) is fed with uint8 (N, L): the bytes of each string. Without a feed that
   * has rows there is one shard.
   *
   * Rejects before anything runs with INVALID_ARGUMENT, naming the feed, where feeds do not fit their placeholders,
   * differ in rows or lack rows of the range, or naming the fetch (`op`) where its target is of another dtype or
   * shape, is too short, or shares memory with a feed; with FAILED_PRECONDITION where the function is closed, or a
   * tensor is released or its buffer detached; and later with INVALID_ARGUMENT, naming the fetch, where a fetch has
   * lost the batch axis or its rows differ in shape between shards or from its target's. Targets then hold the rows of
   * the shards that had ended.
   */
  run(feeds: readonly NativeTensor[], options: NativeRunOptions): Promise<NativeTensor[]>;
  /**
   * As `run`, but at once and on the JavaScript thread, where former runs of the same sizes were so short that to wake
   * another thread takes longer (native/runtime/short_runs.h); else null, and nothing has run. Throws what `run`
   * rejects with.
   */
  runNow(feeds: readonly NativeTensor[], options: NativeRunOptions): NativeTensor[] | null;
  /** Frees session and graph after the runs under way have ended. Idempotent. */
  close(): void;
}

/** `numerics` of the Error by which a run with `checkNumerics` fails. Its `op` is the op that gave the value. */
export interface NativeNumerics {
  /** The op's type, as 'Log'; 'Weight' and 'Input' for what no op computed. */
  readonly type: string;
  /** Whether `op` is a node of the model; else it is an op that the method recorded. */
  readonly ofModel: boolean;
  /** 'backward': the value is the gradient of `op`. */
  readonly pass: 'forward' | 'backward';
  readonly value: 'NaN' | 'Inf';
}

/** How far the loops of a run are, in turns: of a Jacobian's units, of `forRange`, `mapRange`. */
export interface NativeProgress {
  /** Turns that have ended. Never goes down, nor above `total`. */
  readonly done: number;
  /**
   * Turns of all shards; 0 while no loop has begun, and where there is none. Shards that have not begun are taken for
   * as long as the others. It grows where a loop learns its number of turns only when loops before it have ended.
   */
  readonly total: number;
}

/** The hold on one run: made before it, passed to `NativeFunction.run`, asked while that promise is pending. */
export interface NativeRun {
  /**
   * Ends the run soon: shards that have not begun are left out, and every loop of those under way, inner ones too,
   * stops before its next turn. What TensorFlow computes between two turns, or in a graph without a loop, is finished
   * first. Idempotent; nothing happens where the run has ended.
   */
  cancel(): void;
  /**
   * Counts the turns of outermost loops that know how many they make, for a loop inside a loop's turn would count
   * differently from turn to turn. Takes microseconds.
   */
  progress(): NativeProgress;
}

export interface NativeMemory {
  /** Native tensors that JavaScript holds. */
  readonly liveTensors: number;
  readonly liveBytes: number;
  /** Bytes copied on the way into and out of runs, since the process began. */
  readonly copiedInBytes: number;
  readonly copiedOutBytes: number;
}

export interface Addon {
  /**
   * What libtensorflow at `path` says its version is; no other function of it is called. Opens it, on a background
   * thread, and does not close it again. Rejects with NOT_FOUND or FAILED_PRECONDITION.
   */
  libraryVersion(path: string): Promise<string>;
  /** Whether this processor has AVX; null where that is not asked: on other processors than x64. */
  hasAvx(): boolean | null;
  /** dlopens libtensorflow on a background thread, once per process, and returns its version. Idempotent. */
  loadLibrary(path: string): Promise<string>;
  /**
   * The path that is loaded, or null. All below but createRun, configureGpus, setMemoryLimit and memory needs it
   * loaded, else throws (where it returns a promise: rejects with) FAILED_PRECONDITION.
   */
  loadedPath(): string | null;
  loadModel(options: NativeLoadOptions): Promise<NativeModel>;
  createTrace(): NativeTrace;
  /** Uninitialised aligned memory. Throws INVALID_ARGUMENT or RESOURCE_EXHAUSTED. */
  allocate(dtype: DType, shape: readonly number[]): NativeTensor;
  /**
   * Copies rows [`begin`, `begin` + `rows`) of `source` (default: all) into `target` from its row `row` on, on a native
   * thread; counted as `direction` says (default 'out'). Rejects with INVALID_ARGUMENT, naming both shapes, where they
   * do not fit, with FAILED_PRECONDITION where one is released or detached. Either may be released meanwhile.
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
   * The position of the first NaN among the elements, or -1; found on a native thread. Null where JavaScript holds the
   * bytes, which no other thread may read. Throws FAILED_PRECONDITION where the tensor is released or detached.
   */
  findNaN(tensor: NativeTensor): Promise<number> | null;
  /** See {@link NativeRows}. */
  createRows(rows: number): NativeRows;
  createRun(): NativeRun;
  /** Throws INVALID_ARGUMENT where there is no replica or a target is no address. */
  createStrategy(options: NativeStrategyOptions): NativeStrategy;
  /** The devices of this process. */
  listDevices(): Promise<NativeDevice[]>;
  /** For the sessions that are made from now on. TensorFlow takes what the first session that sees GPUs is given. */
  configureGpus(options: NativeGpuOptions): void;
  /**
   * Makes this process a worker: starts TensorFlow's server, which listens on every address of the machine and ends
   * with the process. Rejects with FAILED_PRECONDITION where it is one already.
   */
  startServer(options: NativeServerOptions): Promise<{ readonly devices: NativeDevice[] }>;
  /**
   * What the process is limited to, as its container, in bytes; 0 for no limit. Runs that need more are refused, as
   * those are that need more than the machine has.
   */
  setMemoryLimit(bytes: number): void;
  memory(): NativeMemory;
}
