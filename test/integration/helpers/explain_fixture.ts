/** The frozen tiny model and input for it. */
import { fileURLToPath } from 'node:url';
import * as ke from '../../../lib/index.js';

export const fixture = (name: string) =>
  fileURLToPath(new URL(`../../fixtures/tiny/${name}`, import.meta.url));

export const load = (options: ke.LoadModelOptions = {}) =>
  ke.loadModel(fixture('frozen.pb'), { inputs: ['x'], outputs: ['logits', 'activations'], ...options });

/** `n` samples of it, the same in every run. */
export const random = (n: number) =>
  ke.tensor(
    Float32Array.from({ length: n * 8 }, (_, i) => Math.sin(i * i)),
    [n, 2, 2, 2],
  );

/** Maps as the method gives them. */
export const raw = { resizing: false, verbose: 0 } as const;
