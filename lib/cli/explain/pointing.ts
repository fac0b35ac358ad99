import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { inspect } from 'node:util';
import {
  type Box,
  type GridSize,
  pointingChance,
  pointingGame,
  scaleBox,
} from '../../metrics/pointing_game.js';
import { UsageError } from '../shared/failure.js';
import { parseJson } from '../shared/pictures/labels.js';

export interface PointingResult {
  readonly hits: number;
  readonly pictures: number;
  /** `hits / pictures`. */
  readonly accuracy: number;
  /** The expected score of a random point: the mean of box area divided by picture area. */
  readonly chance: number;
  /** The number of pictures whose map has a NaN. They do not count in `pictures`. Absent if there are none. */
  readonly nan?: number;
}

/** Scores the pointing game over many pictures. Boxes are in pixels of the original pictures. */
export class PointingGame {
  #hits = 0;
  #pictures = 0;
  #chance = 0;
  #nan = 0;

  /**
   * Counts one map, row-major of `mapSize`, over a picture of `pictureSize`.
   *
   * @param mapSize the size of the map, which may differ from the size of the model's input.
   * @returns whether the centre of the map's largest cell is inside the box. undefined if the map has a NaN.
   */
  add(map: ArrayLike<number>, mapSize: GridSize, pictureSize: GridSize, box: Box): boolean | undefined {
    const score = pointingGame(map, mapSize, scaleBox(box, pictureSize, mapSize));
    if (Number.isNaN(score)) {
      this.#nan += 1;
      return undefined;
    }
    this.#pictures += 1;
    this.#hits += score;
    this.#chance += pointingChance(pictureSize, box);
    return score === 1;
  }

  /** Returns null before the first picture. */
  result(): PointingResult | null {
    if (this.#pictures + this.#nan === 0) return null;
    return {
      hits: this.#hits,
      pictures: this.#pictures,
      accuracy: this.#hits / this.#pictures,
      chance: this.#chance / this.#pictures,
      ...(this.#nan > 0 && { nan: this.#nan }),
    };
  }
}

/** Returns the box of a picture by its path or file name. */
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
      `received ${inspect(received, { breakLength: Number.POSITIVE_INFINITY }).slice(0, 80)}.`,
  );
}
