/** Workers on this machine: child processes that run `keras-explainable worker`. */
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
  /** Parts of batches that each computes at once. Default: its share of the cores. */
  readonly threads?: number;
  /** What of the machine each may use, as the worker's `--devices`: 'cpu', or GPUs by number as '0,2'. Default: all. */
  readonly devices?: string;
}

/** A worker of {@link LocalWorkers}. */
export interface LocalWorker {
  readonly pid: number;
  /** As 'localhost:41235'. */
  readonly address: string;
  /** Whether its process is there. */
  readonly running: boolean;
}

/** TensorFlow from a cold disk takes some 15 s to load. */
const START_MILLISECONDS = 120_000;
/** A worker that was told to end may need so long; a stopped one never hears of it. */
const END_MILLISECONDS = 2000;
/** Between its choice and its use a port may be taken by somebody else. */
const MOST_PORTS = 5;

/** Made by {@link localWorkers}. */
export class LocalWorkers {
  /** Where they listen, for `multiWorker`, which takes this object, too. */
  readonly addresses: readonly string[];
  readonly processes: readonly LocalWorker[];
  /** Parts of batches that each computes at once. */
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

  /** Ends the processes and waits until they are gone. Close the models that run on them first. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= endAll(this.#children);
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/**
 * Starts `count` workers on this machine, each a process of its own: for tests, and for big machines. They end with
 * `close()`, and with this process however it ends; they do not keep it alive.
 *
 * @throws LoadError where one does not start, with what it said; no process is left then.
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

/** Those that are stopped (SIGSTOP) would not see that this process is gone. */
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

/** The command line: beside this file, or, where this is source that runs as it is, in the build of it. */
function commandLine(): string {
  const places = ['../cli/main.js', '../../dist/cli/main.js'].map((place) =>
    fileURLToPath(new URL(place, import.meta.url)),
  );
  const found = places.find((place) => existsSync(place));
  if (found !== undefined) return found;
  throw new LoadError(
    'NOT_FOUND',
    `The command line of keras-explainable is not there: tried ${places.join(' and ')}. Build it with \`npm run build\`.`,
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

/** The channel between parent and child tells the child that its parent is gone, however that ended. */
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
