/** The models of scripts/fixtures/make_heads.py. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as ke from '../../../lib/index.js';

interface Listed {
  readonly shape: number[];
  readonly data: number[];
}

/** The values that Keras and tf.GradientTape returned. */
export interface Expected {
  readonly x: Readonly<Record<string, Listed>>;
  readonly output: Listed;
  /** What enters the final activation, and the mean over channels of its gradients by the input, without signs. */
  readonly logits: Listed;
  readonly maps: Listed;
}

const folderOf = (name: string) => fileURLToPath(new URL(`../../fixtures/heads/${name}`, import.meta.url));

export const expectedOf = (name: string): Expected =>
  JSON.parse(readFileSync(`${folderOf(name)}/expected.json`, 'utf8'));

export const loadHead = (name: string): Promise<ke.Model> =>
  ke.loadModel(name.includes('frozen') ? `${folderOf(name)}/frozen.pb` : folderOf(name));

/** Returns the input (1, 8, 8, 3) of the fixtures. */
export function inputOf({ x }: Expected, name = 'x'): ke.Tensor {
  const { shape, data } = x[name] as Listed;
  return ke.tensor(Float32Array.from(data), shape);
}

export const numbersOf = ({ data }: ke.Tensor): number[] => Array.from(data, Number);

/** Collects the warnings of this package with `code`, until `stop` is called. */
export function warningsOf(code: string): { readonly messages: string[]; stop(): void } {
  const messages: string[] = [];
  const note = (warning: Error & { code?: string }) => {
    if (warning.name === 'KerasExplainableWarning' && warning.code === code) messages.push(warning.message);
  };
  process.on('warning', note);
  return { messages, stop: () => void process.off('warning', note) };
}

/** Waits until the warnings emitted so far have been delivered. Node delivers a warning in the next tick. */
export const delivered = () => new Promise((resolve) => setImmediate(resolve));
