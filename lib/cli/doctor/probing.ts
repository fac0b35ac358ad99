/** Runs probes in separate processes. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { ModelProbe } from './probe_model.js';

/** The request to a probe. */
export type Probe =
  | { readonly kind: 'module'; readonly path: string }
  | { readonly kind: 'library'; readonly addon: string; readonly library: string }
  | ModelProbe;

/** The result of a probe, or the reason of its failure. */
export type ProbeAnswer = { readonly result: object } | { readonly reason: string };

/** TensorFlow takes some 15 s to load from a cold disk. */
const MILLISECONDS = 120_000;

/** The most likely cause of a process's end by a signal. */
const DEATHS: Readonly<Record<string, string>> = {
  SIGILL: 'it crashed (SIGILL): it is built for instructions that this CPU does not have',
  SIGSEGV: 'it crashed (SIGSEGV)',
  SIGBUS: 'it crashed (SIGBUS): its file may be damaged or the disk full',
  SIGABRT: 'it ended itself (SIGABRT)',
  SIGKILL: 'it was killed (SIGKILL): there may not have been enough memory',
};

/**
 * Runs `probe` in a separate process and returns its result.
 *
 * @throws Error with the reason in words if the probe failed, crashed or took too long.
 */
export async function runProbe(
  probe: Probe,
  { signal, env = {} }: { signal: AbortSignal; env?: NodeJS.ProcessEnv },
): Promise<unknown> {
  signal.throwIfAborted();
  const child = fork(fileURLToPath(new URL('./probe.js', import.meta.url)), [JSON.stringify(probe)], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: '3', ...env },
    execArgv: [],
  });
  let text = '';
  child.stderr?.setEncoding('utf8').on('data', (block: string) => {
    text = (text + block).slice(-4000);
  });
  const stop = () => child.kill('SIGKILL');
  signal.addEventListener('abort', stop, { once: true });
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    stop();
  }, MILLISECONDS);
  let answer: ProbeAnswer | null = null;
  child.on('message', (message) => {
    answer = message as ProbeAnswer;
  });
  try {
    const [code, death] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (...end) => resolve(end));
    });
    signal.throwIfAborted();
    return outcome(answer, { code, death, late, text });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  }
}

interface End {
  readonly code: number | null;
  readonly death: NodeJS.Signals | null;
  readonly late: boolean;
  /** The end of the process's standard error. */
  readonly text: string;
}

/** Combines the answer of a probe with its end. A process that answered and then crashed counts as crashed. */
export function outcome(answer: ProbeAnswer | null, { code, death, late, text }: End): unknown {
  if (late) throw new Error(`it gave no answer within ${MILLISECONDS / 1000} s`);
  if (death !== null) throw new Error(withLastLine(DEATHS[death] ?? `it was ended by ${death}`, text));
  if (answer !== null && 'reason' in answer) throw new Error(answer.reason);
  if (answer === null || code !== 0) throw new Error(withLastLine(`it ended with code ${code}`, text));
  return answer.result;
}

function withLastLine(reason: string, text: string): string {
  const last = text.trimEnd().split('\n').at(-1)?.trim() ?? '';
  return last === '' ? reason : `${reason}; its last words: ${last}`;
}
