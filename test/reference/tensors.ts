/** Reads the arrays that scripts/reference/tensors.py writes: a JSON manifest and one little-endian file. */
import { readFileSync } from 'node:fs';

export interface Values {
  readonly data: Float32Array | Int32Array;
  readonly shape: readonly number[];
}

interface Entry {
  readonly dtype: 'float32' | 'int32';
  readonly shape: readonly number[];
  readonly offset: number;
}

/** Gives an array by its name; throws for one that is not there. */
export type Reader = (name: string) => Values;

/** The arrays of `path`.json and `path`.bin. */
export function readTensors(path: string): Reader {
  const manifest = JSON.parse(readFileSync(`${path}.json`, 'utf8')) as Record<string, Entry>;
  const bytes = readFileSync(`${path}.bin`);
  return (name) => {
    const entry = manifest[name];
    if (entry === undefined) throw new Error(`${path}.json has no ${name}, only ${Object.keys(manifest)}`);
    const size = entry.shape.reduce((product, length) => product * length, 1);
    // A copy, so that the typed array's offset is a multiple of four wherever Node put the file.
    const buffer = new Uint8Array(bytes.subarray(entry.offset, entry.offset + 4 * size)).buffer;
    const data = entry.dtype === 'float32' ? new Float32Array(buffer) : new Int32Array(buffer);
    return { data, shape: entry.shape };
  };
}

/** Rows `begin` to `end` along axis 0. */
export function rows(values: Values, begin: number, end: number): Values {
  const length = values.data.length / (values.shape[0] as number);
  return {
    data: values.data.slice(begin * length, end * length),
    shape: [end - begin, ...values.shape.slice(1)],
  };
}

/** Of (N, ..., U), the units that each row of `indices` (N, K) names: (N, ..., K). */
export function takeUnits(values: Values, indices: readonly (readonly number[])[]): Values {
  const units = values.shape.at(-1) as number;
  const [samples] = values.shape as [number];
  const places = values.data.length / samples / units;
  const taken = indices[0]?.length ?? 0;
  const data = new Float32Array(samples * places * taken);
  let at = 0;
  for (let sample = 0; sample < samples; sample++) {
    for (let place = 0; place < places; place++) {
      for (const unit of indices[sample] ?? []) {
        data[at++] = values.data[(sample * places + place) * units + unit] as number;
      }
    }
  }
  return { data, shape: [...values.shape.slice(0, -1), taken] };
}

/** (N, K) values as the nested arrays that `y` takes. */
export function nested(values: Values): number[][] {
  const [samples, units] = values.shape as [number, number];
  return Array.from({ length: samples }, (_, row) => [...values.data.slice(row * units, (row + 1) * units)]);
}

/** Every value times `factor`. */
export function scaled(values: Values, factor: number): Values {
  return { data: new Float32Array(values.data).map((value) => value * factor), shape: values.shape };
}

/** Of maps (N, H, W, U), every `step`-th row and column. */
export function thinned(values: Values, step: number): Values {
  const [samples, height, width, units] = values.shape as [number, number, number, number];
  const [rowsLeft, columnsLeft] = [Math.ceil(height / step), Math.ceil(width / step)];
  const data = new Float32Array(samples * rowsLeft * columnsLeft * units);
  let at = 0;
  for (let sample = 0; sample < samples; sample++) {
    for (let row = 0; row < height; row += step) {
      for (let column = 0; column < width; column += step) {
        const from = ((sample * height + row) * width + column) * units;
        data.set(values.data.subarray(from, from + units), at);
        at += units;
      }
    }
  }
  return { data, shape: [samples, rowsLeft, columnsLeft, units] };
}
