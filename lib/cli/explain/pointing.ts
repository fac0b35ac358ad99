import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { UsageError } from '../shared/failure.js';
import { parseJson } from '../shared/pictures/labels.js';

/** A box in pixels of the original picture: `[x0, y0, x1, y1]`, `x1` and `y1` exclusive. */
export type Box = readonly [number, number, number, number];

export interface PointingResult {
  readonly hits: number;
  readonly pictures: number;
  /** `hits / pictures`. */
  readonly accuracy: number;
  /** What a point chosen at random would score: the mean of box area over picture area. */
  readonly chance: number;
}

/**
 * The pointing game (Zhang et al., Top-down Neural Attention by Excitation Backprop, 2016): how often a map's
 * maximum lies inside the box of what it should explain.
 */
export class PointingGame {
  #hits = 0;
  #pictures = 0;
  #chance = 0;

  /**
   * Counts one map, row-major `(height, width)`, over a picture of `pictureSize` `[height, width]`.
   * @returns whether the centre of the map's largest cell, in pixels of the picture, lies in the box.
   */
  add(
    map: ArrayLike<number>,
    mapSize: readonly [number, number],
    pictureSize: readonly [number, number],
    box: Box,
  ) {
    const [rows, columns] = mapSize;
    const [height, width] = pictureSize;
    const place = argmax(map);
    const y = ((Math.floor(place / columns) + 0.5) / rows) * height;
    const x = (((place % columns) + 0.5) / columns) * width;
    const [x0, y0, x1, y1] = box;
    const hit = x >= x0 && x < x1 && y >= y0 && y < y1;
    this.#pictures += 1;
    this.#hits += hit ? 1 : 0;
    this.#chance += overlapArea(box, height, width) / (height * width);
    return hit;
  }

  /** Null before the first picture. */
  result(): PointingResult | null {
    if (this.#pictures === 0) return null;
    return {
      hits: this.#hits,
      pictures: this.#pictures,
      accuracy: this.#hits / this.#pictures,
      chance: this.#chance / this.#pictures,
    };
  }
}

function argmax(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) {
    if ((values[i] as number) > (values[best] as number)) best = i;
  }
  return best;
}

function overlapArea([x0, y0, x1, y1]: Box, height: number, width: number): number {
  const across = Math.min(x1, width) - Math.max(x0, 0);
  const down = Math.min(y1, height) - Math.max(y0, 0);
  return Math.max(across, 0) * Math.max(down, 0);
}

/** The box of a picture, by its path or its file's name. */
export function boxOf(boxes: ReadonlyMap<string, Box> | null, path: string): Box | undefined {
  return boxes?.get(path) ?? boxes?.get(basename(path));
}

/** Reads `{"picture.png": [x0, y0, x1, y1], ...}`. */
export async function readBoxes(path: string): Promise<Map<string, Box>> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new UsageError(`--boxes: cannot read '${path}' (${(error as NodeJS.ErrnoException).code}).`);
  }
  const parsed = parseJson('--boxes', text, path);
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw malformed(path, parsed);
  return new Map(
    Object.entries(parsed).map(([name, box]) => {
      if (!isBox(box)) throw malformed(path, { [name]: box });
      return [name, box];
    }),
  );
}

function isBox(value: unknown): value is Box {
  if (!Array.isArray(value) || value.length !== 4 || !value.every(Number.isFinite)) return false;
  const [x0, y0, x1, y1] = value as [number, number, number, number];
  return x0 < x1 && y0 < y1;
}

function malformed(path: string, received: unknown): UsageError {
  return new UsageError(
    `--boxes: expected '${path}' to hold {"picture.png": [x0, y0, x1, y1], ...} with x0 < x1 and y0 < y1, ` +
      `received ${JSON.stringify(received)?.slice(0, 80)}.`,
  );
}
