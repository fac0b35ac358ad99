/** Runs probes in processes of their own. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { ModelProbe } from './probe_model.js';

/** What a probe is asked. */
export type Probe =
  | { readonly kind: 'module'; readonly path: string }
  | { readonly kind: 'library'; readonly addon: string; readonly library: string }
  | ModelProbe;

/** What a probe found, or why it failed. */
export type ProbeAnswer = { readonly result: object } | { readonly reason: string };

/** TensorFlow from a cold disk takes some 15 s to load. */
const MILLISECONDS = 120_000;

/** What a process that was ended by a signal most likely died of. */
const DEATHS: Readonly<Record<string, string>> = {
  SIGILL: 'it crashed (SIGILL): it is built for instructions that this CPU does not have',
  SIGSEGV: 'it crashed (SIGSEGV)',
  SIGBUS: 'it crashed (SIGBUS): its file may be damaged or the disk full',
  SIGABRT: 'it ended itself (SIGABRT)',
  SIGKILL: 'it was killed (SIGKILL): there may not have been enough memory',
};

/**
 * Asks `probe` in a process of its own, and returns what it found.
 *
 * @throws Error with the reason in words, where it failed, crashed or took too long.
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
  /** The last that it wrote to standard error. */
  readonly text: string;
}

/** What follows from a probe's answer and its end: a process that answered and then crashed has crashed. */
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
