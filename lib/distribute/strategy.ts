/** What a model's functions run on, described once and brought to life by the models that are loaded with it. */
import type { Addon, NativeReplica, NativeReplicaStatus, NativeStrategy } from '../binding/contract.js';
import { packageVersion } from '../binding/loader.js';
import { localStrategy } from '../binding/local_strategy.js';
import { native } from '../support/errors.js';

/** A replica of a strategy: who computes parts of batches. */
export interface ReplicaStatus {
  /** As 'host:2222', 'host:2222 /device:GPU:0', '/device:CPU:1', or 'local'. */
  readonly name: string;
  /**
   * 'connecting' before the first answer; 'down' while it is lost or cannot be reached, 'refused' while what answers is
   * no worker of these versions, or has not that device: both are tried again and again.
   */
  readonly state: NativeReplicaStatus['state'];
  /** Parts of batches that it has computed. */
  readonly shards: number;
  /** Parts that were lost with it, and computed again by another. */
  readonly failures: number;
  /** Why it was lost, or cannot be reached, last; null where it never was. */
  readonly lastError: string | null;
}

/** What a strategy comes to in this process. @internal */
export interface Plan {
  readonly replicas: readonly NativeReplica[];
  /** Rows that a run of the graph computes at most, where rows are large. */
  readonly mostRows: number;
  readonly timeoutMs?: number;
  readonly retries?: number;
}

/** What the plan may depend on. @internal */
export interface PlanContext {
  readonly addon: Addon;
  /** `threads.interOp` of the model. */
  readonly callers: number;
}

/** Where a model is computed. Made by `distribute.oneDevice`, `mirrored` and `multiWorker`, set with `loadModel`. */
export class Strategy {
  readonly kind: 'oneDevice' | 'mirrored' | 'multiWorker';
  readonly #plan: (context: PlanContext) => Plan | Promise<Plan>;
  /** Models that are loaded with equal plans share threads and connections. */
  readonly #live = new Map<string, { readonly native: NativeStrategy; users: number }>();

  /** @internal */
  constructor(kind: Strategy['kind'], plan: (context: PlanContext) => Plan | Promise<Plan>) {
    this.kind = kind;
    this.#plan = plan;
  }

  /** @internal For one model; to be released when that is closed. */
  async acquire(context: PlanContext): Promise<HeldStrategy> {
    const { addon } = context;
    const { mostRows, ...plan } = await this.#plan(context);
    const facts = { kind: this.kind, guess: context.callers, mostRows };
    const [only] = plan.replicas;
    if (plan.replicas.length === 1 && only?.target === '' && only.device === '') {
      // Its threads serve pictures, too, and last as long as the process.
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

/** The strategy of a loaded model, as `model.strategy` has it. */
export class HeldStrategy {
  readonly kind: Strategy['kind'];
  /** @internal */
  readonly native: NativeStrategy;
  /** @internal Whether any replica is in another process. */
  readonly remote: boolean;
  /** @internal Rows per run, at most, where rows are large. */
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
   * Parts of batches that are computed at once. A worker that has not answered yet is taken for one with as many
   * threads as this machine has cores.
   */
  get replicas(): number {
    return this.native.callers(this.#guess);
  }

  /** How its replicas are: those of this process as one where they share a device. */
  status(): ReplicaStatus[] {
    return this.native.status();
  }

  /** @internal Keeps it alive while `run` is under way. */
  async during<T>(run: () => Promise<T>): Promise<T> {
    this.#running += 1;
    try {
      return await run();
    } finally {
      this.#running -= 1;
      this.#endIfIdle();
    }
  }

  /** @internal The model is closed: it ends with the last run under way. */
  release(): void {
    this.#released = true;
    this.#endIfIdle();
  }

  #endIfIdle(): void {
    if (this.#released && this.#running === 0) this.#onIdle();
  }
}
