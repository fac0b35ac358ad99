/** What the tests of sources share: a model of small numbers, and batches that say which they are. */
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import type { Batch, DataHandler, DataOptions } from '../../../lib/data/data_handler.js';
import { makeDataHandler } from '../../../lib/data/data_handler.js';
import type { Indices } from '../../../lib/data/indices.js';
import type { BatchRecord, Sequence, Source } from '../../../lib/data/source.js';
import type { TensorSpec } from '../../../lib/graph/layer.js';
import { tensor } from '../../../lib/tensor/tensor.js';

export const pair: TensorSpec = { name: 'pair', dtype: 'float32', shape: [null, 2] };
export const logits: TensorSpec = { name: 'logits', dtype: 'float32', shape: [null, 10] };
export const model = { inputs: [pair], outputs: [logits] };

/** Batch `step`: every sample is [step, its row]. */
export function numbered(step: number, samples = 2): BatchRecord {
  const rows = Array.from({ length: samples }, (_, row) => [step, row]);
  return { x: tensor(rows), y: rows.map(([, row]) => [(row as number) % 10]) };
}

export interface Taken {
  readonly step: number;
  readonly steps: number;
  readonly x: readonly (readonly number[])[];
  readonly y: readonly number[] | null;
}

/** The rows of a batch, which is released. */
export function take(batch: Batch): Taken {
  const { step, steps, begin, samples, inputs, indices } = batch;
  const [{ data }] = inputs as unknown as [{ data: Float32Array }];
  const x = Array.from({ length: samples }, (_, row) => [
    ...data.subarray((begin + row) * 2, (begin + row) * 2 + 2),
  ]);
  const units = (indices?.shape[1] ?? 0) as number;
  const y = indices && [...(indices.data as Int32Array).subarray(begin * units, (begin + samples) * units)];
  batch.release();
  return { step, steps, x, y };
}

/** All batches of `handler`, each looked at and released; `each` is awaited before the next is asked for. */
export async function takeAll(
  handler: DataHandler,
  each: (taken: Taken) => unknown = () => undefined,
  signal?: AbortSignal,
): Promise<Taken[]> {
  const all: Taken[] = [];
  for await (const batch of handler.batches(signal)) {
    const taken = take(batch);
    all.push(taken);
    await each(taken);
  }
  return all;
}

/** The data handler of a source for the fixture's model. */
export const handlerOf = (
  source: unknown,
  options: DataOptions & { stepsPerExecution?: number } = {},
  y?: Indices,
) => makeDataHandler(model, source as Source, y, options);

/** `n` batches that tell their step and row apart. */
export function* count(n: number, samples = 2) {
  for (let step = 0; step < n; step++) yield numbered(step, samples);
}

export async function* countSlowly(n: number, samples = 2) {
  for (const batch of count(n, samples)) {
    await turn();
    yield batch;
  }
}

/** A Sequence that notes what was asked of it. */
export class Noted implements Sequence {
  readonly asked: number[] = [];
  closed = 0;
  underWay = 0;
  mostUnderWay = 0;
  constructor(
    readonly length: number,
    readonly delay: (i: number) => number = () => 0,
  ) {}
  async at(i: number) {
    this.asked.push(i);
    this.mostUnderWay = Math.max(this.mostUnderWay, ++this.underWay);
    await sleep(this.delay(i));
    this.underWay -= 1;
    return numbered(i);
  }
  close() {
    this.closed += 1;
  }
}

/** What `count(n)` gives: its rows by step. */
export const expected = (n: number) =>
  Array.from({ length: n }, (_, step) => [
    [step, 0],
    [step, 1],
  ]);
