/** Strategies: descriptions of the devices or workers that run a model's functions. */
import type { Addon, NativeReplica, NativeReplicaStatus, NativeStrategy } from '../binding/contract.js';
import { packageVersion } from '../binding/loader.js';
import { localStrategy } from '../binding/local_strategy.js';
import { native } from '../support/errors.js';

/** The status of one replica of a strategy. A replica computes parts of batches. */
export interface ReplicaStatus {
  /** For example 'host:2222', 'host:2222 /device:GPU:0', '/device:CPU:1', or 'local'. */
  readonly name: string;
  /**
   * 'connecting' before the first answer. 'down' while the worker is lost or unreachable. 'refused' while the server at
   * the address is not a worker of these versions or lacks the device. The connection is retried in both states.
   */
  readonly state: NativeReplicaStatus['state'];
  /** The number of parts of batches that the replica has computed. */
  readonly shards: number;
  /** The number of parts that were lost with the replica and retried on another replica. */
  readonly failures: number;
  /** The reason of the last loss or failed connection. Null if there was none. */
  readonly lastError: string | null;
}

/** The replicas and limits of a strategy in this process. @internal */
export interface Plan {
  readonly replicas: readonly NativeReplica[];
  /** The maximum number of rows in a run of the graph, if rows are large. */
  readonly mostRows: number;
  readonly timeoutMs?: number;
  readonly retries?: number;
}

/** The facts on which a plan may depend. @internal */
export interface PlanContext {
  readonly addon: Addon;
  /** `threads.interOp` of the model. */
  readonly callers: number;
}

/**
 * The devices or workers that compute a model. `distribute.oneDevice`, `mirrored` and `multiWorker` return a strategy,
 * and `loadModel` accepts a strategy.
 */
export class Strategy {
  readonly kind: 'oneDevice' | 'mirrored' | 'multiWorker';
  readonly #plan: (context: PlanContext) => Plan | Promise<Plan>;
  /** The strategies in use. Models with equal plans share threads and connections. */
  readonly #live = new Map<string, { readonly native: NativeStrategy; users: number }>();

  /** @internal */
  constructor(kind: Strategy['kind'], plan: (context: PlanContext) => Plan | Promise<Plan>) {
    this.kind = kind;
    this.#plan = plan;
  }

  /** @internal Returns a hold on the strategy for one model. Closing the model releases the hold. */
  async acquire(context: PlanContext): Promise<HeldStrategy> {
    const { addon } = context;
    const { mostRows, ...plan } = await this.#plan(context);
    const facts = { kind: this.kind, guess: context.callers, mostRows };
    const [only] = plan.replicas;
    if (plan.replicas.length === 1 && only?.target === '' && only.device === '') {
      // The threads of the local strategy also decode pictures and end with the process.
      return new HeldStrategy(localStrategy(addon, only.callers ?? 1), facts, false, () => undefined);
    }
    const key = JSON.stringify(plan);
    let live = this.#live.get(key);
    if (live === undefined) {
      live = { native: native(() => addon.createStrategy({ ...plan, package: packageVersion() })), users: 0 };
      this.#live.set(key, live);
    }
    const own = live;
    own.users += 1;
    const remote = plan.replicas.some(({ target }) => target !== '');
    return new HeldStrategy(own.native, facts, remote, () => {
      own.users -= 1;
      if (own.users > 0) return;
      this.#live.delete(key);
      own.native.close();
    });
  }
}

/** The strategy of a loaded model: the type of `model.strategy`. */
export class HeldStrategy {
  readonly kind: Strategy['kind'];
  /** @internal */
  readonly native: NativeStrategy;
  /** @internal Whether any replica is in another process. */
  readonly remote: boolean;
  /** @internal The maximum number of rows per run, if rows are large. */
  readonly mostRows: number;
  readonly #guess: number;
  readonly #onIdle: () => void;
  #running = 0;
  #released = false;

  /** @internal */
  constructor(
    strategy: NativeStrategy,
    facts: { kind: Strategy['kind']; guess: number; mostRows: number },
    remote: boolean,
    onIdle: () => void,
  ) {
    this.native = strategy;
    this.kind = facts.kind;
    this.#guess = facts.guess;
    this.mostRows = facts.mostRows;
    this.remote = remote;
    this.#onIdle = onIdle;
  }

  /**
   * The number of parts of batches that are computed at once. Before a worker's first answer, its number of threads is
   * assumed to be the number of this machine's cores.
   */
  get replicas(): number {
    return this.native.callers(this.#guess);
  }

  /** Returns the status of each replica. Replicas of this process that share a device are reported as one. */
  status(): ReplicaStatus[] {
    return this.native.status();
  }

  /** @internal Keeps the strategy alive while `run` is in progress. */
  async during<T>(run: () => Promise<T>): Promise<T> {
    this.#running += 1;
    try {
      return await run();
    } finally {
      this.#running -= 1;
      this.#endIfIdle();
    }
  }

  /** @internal Marks the model as closed. The strategy ends with the last run in flight. */
  release(): void {
    this.#released = true;
    this.#endIfIdle();
  }

  #endIfIdle(): void {
    if (this.#released && this.#running === 0) this.#onIdle();
  }
}
