/** The part of the contract about replicas, workers and devices. See `contract.ts`. */

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
