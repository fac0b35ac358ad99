import { createServer } from 'node:net';
import type { NativeDevice } from '../../binding/contract.js';
import { ensureTensorflow, packageVersion } from '../../binding/loader.js';
import { shortName } from '../../distribute/device.js';
import { isAccelerator } from '../../distribute/device_kinds.js';
import { configureGpus } from '../../distribute/devices.js';
import { PORT_IN_USE, type WorkerMessage } from '../../distribute/worker_messages.js';
import { refused } from '../../support/arguments.js';
import { KerasExplainableError, nativeAsync } from '../../support/errors.js';
import { exitCodes } from '../shared/failure.js';
import { type Terminal, writeLine } from '../shared/terminal.js';
import { watchClients } from './clients.js';
import type { WorkerOptions } from './options.js';

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/**
 * Runs `keras-explainable worker`: starts TensorFlow's server and waits for the end. A signal ends the worker, and so
 * does the end of the process that started the worker with a channel (`distribute.localWorkers`). A started server
 * cannot be stopped, so the whole process ends.
 */
export async function work(
  options: WorkerOptions,
  terminal: Terminal,
  done: (code: number) => void,
): Promise<void> {
  const { out } = terminal;
  const say = (event: string) => writeLine(out, `${new Date().toISOString()} ${event}`);
  const end = new AbortController();
  const ended = untilEnded(end.signal);
  try {
    await writeLine(
      out,
      `Warning: TensorFlow's server has no credentials and listens on every address of this machine: whoever reaches port ` +
        `${options.port} can use it. Keep it in a private network or a tunnel.`,
    );
    await say(`starting on port ${options.port}`);
    // A worker that is asked to end while TensorFlow is loaded ends at once.
    const reason = await Promise.race([ended, start(options, say).then(() => null)]);
    if (reason === null) watchClients(options.port, end.signal, (event) => say(event).catch(() => undefined));
    await say(`ended: ${reason ?? (await ended)}`);
    done(exitCodes.success);
    // A normal exit would wait for threads: for runs that are no longer needed, or for a library that is being loaded.
    process.exit(exitCodes.success);
  } catch (error) {
    const { message, code = 'UNKNOWN' } = error as Error & { code?: string };
    await tellParent({ failed: message, code });
    throw error;
  } finally {
    end.abort();
    if (process.connected) process.disconnect?.();
  }
}

async function start(
  { port, host, devices, threads }: WorkerOptions,
  say: (event: string) => Promise<void>,
): Promise<void> {
  await checkPort(port);
  if (devices !== undefined) configureGpus({ visibleDevices: 'gpus' in devices ? devices.gpus : [] });
  const addon = await ensureTensorflow();
  const cpus = devices !== undefined && 'cpus' in devices ? devices.cpus : 1;
  const version = await addon.loadLibrary(addon.loadedPath() as string);
  const server = await nativeAsync(() =>
    addon.startServer({ port, threads, cpus, package: packageVersion() }),
  );
  const used = computing(server.devices);
  if (devices !== undefined && 'gpus' in devices) checkGpus(devices.gpus, used);
  const versions = `keras-explainable ${packageVersion()}, TensorFlow ${version}`;
  const facts = `${versions}, ${threads} ${threads === 1 ? 'thread' : 'threads'}, ${used.map(({ name }) => shortName(name)).join(' ')}`;
  await say(`ready at ${host}:${port} (${facts})`);
  await tellParent({ ready: `${host}:${port}` });
}

/** Returns the devices that compute models: the accelerators if there are any. */
function computing(devices: readonly NativeDevice[]): readonly NativeDevice[] {
  const accelerators = devices.filter(({ type }) => isAccelerator(type));
  return accelerators.length > 0 ? accelerators : devices;
}

/** Throws RangeError if TensorFlow lacks a requested GPU. TensorFlow without GPUs silently uses the CPU. */
function checkGpus(asked: readonly number[], used: readonly NativeDevice[]): void {
  const there = used.filter(({ type }) => isAccelerator(type));
  if (there.length === asked.length) return;
  throw refused(
    '--devices',
    'GPUs of this machine',
    `${asked.join(',')}, of which TensorFlow sees ${there.length}`,
    'Choose others, or cpu: `npx keras-explainable doctor` says why.',
  );
}

/** Rejects if `port` cannot be listened on. TensorFlow reports only that its server did not start. */
function checkPort(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', ({ code, message }: NodeJS.ErrnoException) => {
      const used = code === 'EADDRINUSE';
      const text = used
        ? `Port ${port} is in use: another worker may be running. Choose another with --port.`
        : `Port ${port} cannot be listened on: ${message}`;
      reject(new KerasExplainableError(used ? PORT_IN_USE : 'UNAVAILABLE', text));
    });
    server.listen(port, () => server.close(() => resolve()));
  });
}

/** Resolves with the reason for the end of this process. Keeps the process alive until `signal` is aborted. */
function untilEnded(signal: AbortSignal): Promise<string> {
  return new Promise((resolve) => {
    // A promise alone does not keep a process alive.
    const hold = setInterval(() => undefined, 1 << 30);
    signal.addEventListener('abort', () => clearInterval(hold), { once: true });
    for (const name of SIGNALS) process.on(name, () => resolve(`received ${name}`));
    const orphaned = () => resolve('the process that started it is gone');
    process.once('disconnect', orphaned);
    // The parent may have ended while modules were loaded, before this listener existed.
    if (process.connected === false) orphaned();
  });
}

function tellParent(message: WorkerMessage): Promise<void> {
  if (process.send === undefined || !process.connected) return Promise.resolve();
  return new Promise((resolve) => process.send?.(message, () => resolve()));
}
