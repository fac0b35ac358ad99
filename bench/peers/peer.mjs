/**
 * Peers: child processes that are asked by a line of JSON and answer by one. Each has memory and threads of its own,
 * does nothing while others are measured, and is ended with this process, whose end closes its standard input.
 *
 * What every peer understands (`do`), those of one kind of job being the same to all of them:
 *
 * - `open`, a job: loads what it needs. A job is `{ model, method, samples, batchSize, units?, precision?, force? }`;
 * - `maps`: the job for its first samples, with the values;
 * - `measure`: the job for all samples; `seconds`;
 * - `memory`: `bytes`, the most that the process has held.
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { ROOT } from '../../scripts/setup/process.mjs';

export class Peer {
  /** When the process was started, by `performance.now()`. */
  begun = performance.now();
  #child;
  #answers;
  #told = '';
  #ended;
  /** By what they are, so that rows that ask for the same share it. */
  #jobs = new Map();

  constructor(program, args, env = process.env) {
    this.#child = spawn(program, args, { cwd: ROOT, env, stdio: ['pipe', 'pipe', 'pipe'] });
    this.#child.stderr.on('data', (data) => {
      this.#told = `${this.#told}${data}`.slice(-4000);
    });
    this.#child.on('error', (error) => {
      this.#told = error.message;
    });
    this.#ended = new Promise((resolve) => this.#child.once('close', resolve));
    // That it has ended is told by its answers' end.
    this.#child.stdin.on('error', () => {});
    this.#answers = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** Asks, one question at a time. Throws what the peer failed by. */
  async ask(question) {
    this.#child.stdin.write(`${JSON.stringify(question)}\n`);
    const { value, done } = await this.#answers.next();
    if (done) await this.#ended;
    if (done) throw new Error(`A peer has ended: ${this.#child.spawnargs.join(' ')}\n${this.#told}`);
    const answer = JSON.parse(value);
    if (answer.error !== undefined) throw new Error(`A peer failed: ${answer.error}`);
    return answer;
  }

  /** What a job does: `maps()`, and `rate()` in samples a second. */
  async open(job) {
    const key = JSON.stringify(job);
    if (!this.#jobs.has(key)) {
      this.#jobs.set(key, {
        maps: async () => {
          const { shape, data } = await this.ask({ do: 'maps', key });
          return { shape, data: floats(data) };
        },
        rate: async () => job.samples / (await this.ask({ do: 'measure', key })).seconds,
      });
      await this.ask({ do: 'open', key, job });
    }
    return this.#jobs.get(key);
  }

  async memory() {
    return (await this.ask({ do: 'memory' })).bytes;
  }

  async close() {
    this.#child.stdin.end();
    await this.#ended;
  }
}

function floats(base64) {
  const bytes = Buffer.from(base64, 'base64');
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
}

const shared = new Map();

/** The one peer that `start` gives, for all rows; started when it is first asked for. */
export function sharedPeer(start) {
  if (!shared.has(start)) shared.set(start, start());
  return shared.get(start);
}

export async function closePeers() {
  const peers = await Promise.allSettled(shared.values());
  shared.clear();
  for (const { value } of peers) await value?.close();
}
