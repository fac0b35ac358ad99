/** Workers on this machine. Each worker is a child process that runs `keras-explainable worker`. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { checkInteger, checkOptions, checkString, refused } from '../support/arguments.js';
import { LoadError } from '../support/errors.js';
import { parseWorkerDevices, WORKER_DEVICES } from './worker_devices.js';
import { PORT_IN_USE, type WorkerMessage } from './worker_messages.js';

export interface LocalWorkersOptions {
  /** The number of parts of batches that each worker computes at once. Default: the worker's share of the cores. */
  readonly threads?: number;
  /**
   * The devices that each worker may use: the value of `--devices`, such as 'cpu' or GPU numbers '0,2'. Default: all.
   */
  readonly devices?: string;
}

/** A worker of {@link LocalWorkers}. */
export interface LocalWorker {
  readonly pid: number;
  /** For example 'localhost:41235'. */
  readonly address: string;
  /** Whether the worker's process is running. */
  readonly running: boolean;
}

/** Loading TensorFlow from a cold disk takes about 15 s. */
const START_MILLISECONDS = 120_000;
/** The time between SIGTERM and SIGKILL. A worker stopped by SIGSTOP does not receive SIGTERM. */
const END_MILLISECONDS = 2000;
/** The maximum number of ports to try. Another process may take a free port before the worker listens on the port. */
const MOST_PORTS = 5;

/** The workers started by one call of {@link localWorkers}. */
export class LocalWorkers {
  /** The addresses at which the workers listen. `multiWorker` accepts this list or the `LocalWorkers` object. */
  readonly addresses: readonly string[];
  readonly processes: readonly LocalWorker[];
  /** The number of parts of batches that each worker computes at once. */
  readonly threads: number;
  readonly #children: readonly WorkerProcess[];
  #closing: Promise<void> | null = null;

  /** @internal */
  constructor(children: readonly WorkerProcess[], threads: number) {
    this.#children = children;
    this.processes = children;
    this.addresses = children.map(({ address }) => address);
    this.threads = threads;
  }

  get closed(): boolean {
    return this.#closing !== null;
  }

  /** Ends the processes and waits for their exit. First close the models that run on the workers. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= endAll(this.#children);
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/**
 * Starts `count` worker processes on this machine, for tests and for large machines. The workers end with `close()`,
 * and with this process even if this process is killed. The workers do not keep this process alive.
 *
 * @throws LoadError with the output of a worker that does not start. All other workers are ended then.
 */
export async function localWorkers(count: number, options: LocalWorkersOptions = {}): Promise<LocalWorkers> {
  checkInteger('count', count, 1, 256);
  checkOptions('options', options, ['threads', 'devices']);
  const { threads = Math.max(1, Math.floor(availableParallelism() / count)), devices } = options;
  checkInteger('threads', threads, 1, 1024);
  if (devices !== undefined && parseWorkerDevices(checkString('devices', devices)) === null) {
    throw refused('devices', WORKER_DEVICES, `'${devices}'`);
  }
  const args = ['--threads', String(threads), ...(devices === undefined ? [] : ['--devices', devices])];
  const started = await Promise.allSettled(Array.from({ length: count }, () => startOne(args)));
  const children = started.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  const failed = started.find((each) => each.status === 'rejected');
  if (failed !== undefined) {
    await endAll(children);
    throw failed.reason;
  }
  return new LocalWorkers(children, threads);
}

class WorkerProcess implements LocalWorker {
  readonly pid: number;
  readonly address: string;
  readonly #child: ChildProcess;

  constructor(child: ChildProcess, address: string) {
    this.#child = child;
    this.pid = child.pid as number;
    this.address = address;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  async end(): Promise<void> {
    if (!this.running) return;
    const exited = once(this.#child, 'exit');
    this.#child.ref();
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), END_MILLISECONDS);
    await exited;
    clearTimeout(timer);
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}

const alive = new Set<WorkerProcess>();

/** Kills all workers. A worker stopped by SIGSTOP would not notice the exit of this process. */
const killAll = () => {
  for (const child of alive) child.kill();
};

function remember(child: WorkerProcess): void {
  if (alive.size === 0) process.on('exit', killAll);
  alive.add(child);
}

async function endAll(children: readonly WorkerProcess[]): Promise<void> {
  await Promise.all(children.map((child) => child.end()));
  for (const child of children) alive.delete(child);
  if (alive.size === 0) process.off('exit', killAll);
}

/** Returns the path of the command line: next to this file, or in `dist/` if this file runs from source. */
function commandLine(): string {
  const places = ['../cli/main.js', '../../dist/cli/main.js'].map((place) =>
    fileURLToPath(new URL(place, import.meta.url)),
  );
  const found = places.find((place) => existsSync(place));
  if (found !== undefined) return found;
  throw new LoadError(
    'NOT_FOUND',
    `The command line of keras-explainable was not found. Tried ${places.join(' and ')}. Build it with \`npm run build\`.`,
  );
}

async function startOne(args: readonly string[]): Promise<WorkerProcess> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start(await freePort(), args);
    } catch (error) {
      if (!(error instanceof LoadError) || error.code !== PORT_IN_USE || attempt === MOST_PORTS) throw error;
    }
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

/** Starts one worker. The IPC channel closes when the parent ends for any reason, and the worker then ends too. */
async function start(port: number, args: readonly string[]): Promise<WorkerProcess> {
  const child = spawn(process.execPath, [commandLine(), 'worker', '--port', String(port), ...args], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: process.env.TF_CPP_MIN_LOG_LEVEL ?? '2' },
  });
  let text = '';
  child.stderr?.setEncoding('utf8').on('data', (block: string) => {
    text = (text + block).slice(-4000);
  });
  const answer = new Promise<WorkerMessage>((resolve, reject) => {
    child.on('message', (message) => resolve(message as WorkerMessage));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      const how = signal === null ? `with code ${code}` : `by ${signal}`;
      const last = text.trim() === '' ? '' : `: ${text.trim()}`;
      reject(new LoadError('UNAVAILABLE', `A local worker ended ${how} before it was ready${last}`));
    });
  });
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const reason = `A local worker was not ready within ${START_MILLISECONDS / 1000} s.`;
    timer = setTimeout(() => reject(new LoadError('DEADLINE_EXCEEDED', reason)), START_MILLISECONDS);
  });
  try {
    const message = await Promise.race([answer, late]);
    if ('failed' in message) throw new LoadError(message.code, message.failed);
    const worker = new WorkerProcess(child, `localhost:${port}`);
    child.unref();
    child.channel?.unref();
    (child.stderr as unknown as { unref(): void }).unref();
    remember(worker);
    return worker;
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
