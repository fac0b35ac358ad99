/**
 * Peers are child processes. A question is a line of JSON, and the answer is a line of JSON. Each peer has its own
 * memory and threads and is idle while other peers are measured. A peer ends with this process, because its standard
 * input is then closed.
 *
 * Every peer answers these questions (`do`):
 *
 * - `open` loads a job `{ model, method, samples, batchSize, units?, precision?, force? }`;
 * - `maps` runs the job for its first samples and answers with the values;
 * - `measure` runs the job for all samples and answers with `seconds`;
 * - `memory` answers with `bytes`, the peak memory of the process.
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { ROOT } from '../../scripts/setup/process.mjs';

export class Peer {
  /** The start time of the process, by `performance.now()`. */
  begun = performance.now();
  #child;
  #answers;
  #told = '';
  #ended;
  /** The jobs by their JSON, so that rows with equal jobs share a job. */
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
    // Errors of writing to an ended peer are ignored: the end of its answers reports the end of the peer.
    this.#child.stdin.on('error', () => {});
    this.#answers = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** Sends one question and returns the answer. Throws the peer's error. Call `ask` again only after the answer. */
  async ask(question) {
    this.#child.stdin.write(`${JSON.stringify(question)}\n`);
    const { value, done } = await this.#answers.next();
    if (done) await this.#ended;
    if (done) throw new Error(`A peer has ended: ${this.#child.spawnargs.join(' ')}\n${this.#told}`);
    const answer = JSON.parse(value);
    if (answer.error !== undefined) throw new Error(`A peer failed: ${answer.error}`);
    return answer;
  }

  /** Opens a job and returns its functions: `maps()`, and `rate()` in samples per second. */
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

/** Returns the peer of `start`, which all rows share. The first call starts the peer. */
export function sharedPeer(start) {
  if (!shared.has(start)) shared.set(start, start());
  return shared.get(start);
}

export async function closePeers() {
  const peers = await Promise.allSettled(shared.values());
  shared.clear();
  for (const { value } of peers) await value?.close();
}
