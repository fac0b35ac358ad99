import { join } from 'node:path';
import { overlay, resizeImage } from '../../image/index.js';
import type { Model } from '../../model/model.js';
import { KerasExplainableError } from '../../support/errors.js';
import type { Tensor } from '../../tensor/tensor.js';
import { exitCodes } from '../shared/failure.js';
import { explainBatch, firstMap, rowOf } from '../shared/methods/explaining.js';
import { explainedModel } from '../shared/methods/exposed.js';
import type { NamedMethod } from '../shared/methods/vocabulary.js';
import { loadBatch, type ShownPicture } from '../shared/pictures/load_pictures.js';
import { labelOf, topUnits } from '../shared/pictures/predictions.js';
import { predictScores } from '../shared/pictures/scores.js';
import { type Progress, startProgress } from '../shared/progress_bar.js';
import { writeLine } from '../shared/terminal.js';
import { type ComparedMethod, ComparisonPrinter } from './comparison_printer.js';
import {
  cellSize,
  SHEET_COLUMNS,
  type SheetRow,
  STRIP_COLUMNS,
  UNTITLED,
  writeSheet,
} from './comparison_sheet.js';
import type { Job } from './job.js';
import { boxOf, PointingGame } from './pointing.js';

/** Explains the pictures with every method and compares the costs and results. Returns the exit code. */
export async function compareMethods(job: Job): Promise<number> {
  return new Comparison(job).all();
}

/** A batch that takes less time is run again, because a single short run is not a reliable measurement. */
const SHORT_MILLISECONDS = 1000;
const SHORT_RUNS = 3;

/** The measurements of a method, collected batch by batch. */
interface Found {
  readonly game: PointingGame;
  readonly cells: Tensor<'uint8'>[];
  pictures: number;
  milliseconds: number;
}

class Comparison {
  readonly #job: Job;
  readonly #printer: ComparisonPrinter;
  /** The first pictures, in the size of the sheet. */
  readonly #pictures: { label: string; cell: Tensor<'uint8'> }[] = [];
  readonly #rows: SheetRow[] = [];
  /** The explained units of each readable picture, by path. */
  readonly #units = new Map<string, readonly number[]>();
  #failed = 0;
  #skipped = 0;

  constructor(job: Job) {
    this.#job = job;
    this.#printer = new ComparisonPrinter(job.terminal, job.options.json, job.methods, job.boxes !== null);
  }

  async all(): Promise<number> {
    const { methods, paths, terminal, signal } = this.#job;
    const progress = startProgress(terminal, methods.length * paths.length, (n) => String(Math.floor(n)));
    let files: readonly string[] = [];
    try {
      await this.#choose(progress);
      for (const [i, method] of methods.entries()) {
        if (signal.aborted || this.#units.size === 0) break;
        await this.#method(method, i, progress);
      }
      if (!signal.aborted && this.#rows.length > 0) files = await this.#write();
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      progress.stop();
    }
    await this.#printer.summary({
      explained: this.#units.size,
      failed: this.#failed,
      total: paths.length,
      compared: this.#rows.length,
      skipped: this.#skipped,
      interrupted: signal.aborted,
      files,
    });
    if (signal.aborted) return exitCodes.interrupted;
    return this.#failed + this.#skipped > 0 ? exitCodes.failure : exitCodes.success;
  }

  /** Determines the readable pictures and the explained units of each, which are the same for every method. */
  async #choose(progress: Progress): Promise<void> {
    const { options, target, labels, paths, signal } = this.#job;
    const { preprocess } = options;
    for (let from = 0; from < paths.length && !signal.aborted; from += options.batchSize) {
      const batch = paths.slice(from, from + options.batchSize);
      const { pictures, inputs, failures } = await loadBatch(batch, { target, preprocess, signal });
      for (const { path, error } of failures) {
        this.#failed += 1;
        await progress.aside(() => this.#printer.failure(path, error));
      }
      if (inputs === null) continue;
      const { rows } = await predictScores(target, inputs, options.batchSize, null, signal);
      inputs.release();
      for (const [i, { path, shown }] of pictures.entries()) {
        const units = options.units ?? topUnits(rows[i] as Float64Array, options.top);
        this.#units.set(path, units);
        if (this.#pictures.length < SHEET_COLUMNS) {
          const label = labelOf(units[0] as number, labels);
          this.#pictures.push({ label, cell: await resizeImage(shown, cellSize(target.size)) });
        }
        shown.release();
      }
    }
  }

  async #method(method: NamedMethod, place: number, progress: Progress): Promise<void> {
    const { target, options, methods, signal } = this.#job;
    const total = methods.length * this.#units.size;
    const before = place * this.#units.size;
    const update = (pictures: number) => progress.update(before + pictures, total, method.name);
    try {
      const explained = explainedModel(target.model, method, options.layer, options.activation);
      const compared = await this.#measure(method, explained, update);
      if (compared !== null) await progress.aside(() => this.#printer.method(compared));
    } catch (error) {
      // Other methods may explain a model that one method cannot explain (CAM needs a pooling before the logits).
      if (signal.aborted || !(error instanceof KerasExplainableError)) throw error;
      this.#skipped += 1;
      await progress.aside(() => this.#printer.skipped(method.name, error));
    }
  }

  /** Returns null if the run is interrupted before the last picture. */
  async #measure(
    method: NamedMethod,
    explained: Model,
    update: (pictures: number) => void,
  ): Promise<ComparedMethod | null> {
    const { options, signal } = this.#job;
    const found: Found = { game: new PointingGame(), cells: [], pictures: 0, milliseconds: 0 };
    const paths = [...this.#units.keys()];
    for (let from = 0; from < paths.length; from += options.batchSize) {
      if (signal.aborted) return null;
      await this.#batch(method, explained, paths.slice(from, from + options.batchSize), found, update);
    }
    this.#rows.push({ title: method.name, cells: found.cells });
    const channels = explained.outputs.at(1)?.shape?.at(-1) ?? 0;
    const units = this.#units.values().next().value?.length ?? 1;
    return {
      name: method.name,
      pointing: found.game.result(),
      millisecondsPerPicture: found.milliseconds / found.pictures,
      passes: method.passes({ channels, units }),
    };
  }

  async #batch(
    method: NamedMethod,
    explained: Model,
    paths: readonly string[],
    found: Found,
    update: (pictures: number) => void,
  ): Promise<void> {
    const { options, target, boxes, signal } = this.#job;
    const { batchSize, preprocess } = options;
    const { pictures, inputs, failures } = await loadBatch(paths, { target, preprocess, signal });
    // All pictures were readable before. Methods that explain different pictures cannot be compared.
    const [gone] = failures;
    if (gone !== undefined) throw new Error(`${gone.path} cannot be read any more: ${gone.error.message}`);
    if (inputs === null) return;
    try {
      const units = pictures.map(({ path }) => this.#units.get(path) as readonly number[]);
      const run = async () => {
        const begun = performance.now();
        const onShare = (share: number) => update(found.pictures + share * pictures.length);
        const maps = await explainBatch(method, explained, inputs, units, { batchSize, signal, onShare });
        return { maps, milliseconds: performance.now() - begun };
      };
      update(found.pictures);
      if (found.pictures === 0) await this.#warmUp(method, explained, inputs, units[0] as readonly number[]);
      const { maps, milliseconds } = await run();
      let least = milliseconds;
      for (let runs = 1; runs < SHORT_RUNS && milliseconds < SHORT_MILLISECONDS; runs++) {
        const again = await run();
        again.maps.release();
        least = Math.min(least, again.milliseconds);
      }
      for (const [i, picture] of pictures.entries()) {
        const own = rowOf(maps, i);
        const box = boxOf(boxes, picture.path);
        const map = firstMap(own);
        if (box !== undefined) found.game.add(map.values, map.size, picture.size, box);
        if (found.cells.length < this.#pictures.length) found.cells.push(await this.#cell(picture, own));
        own.release();
      }
      maps.release();
      found.milliseconds += least;
      found.pictures += pictures.length;
    } finally {
      inputs.release();
      for (const { shown } of pictures) shown.release();
    }
  }

  /** Compiles the method by a run with one picture. */
  async #warmUp(
    method: NamedMethod,
    explained: Model,
    inputs: Tensor,
    units: readonly number[],
  ): Promise<void> {
    const { signal } = this.#job;
    const one = rowOf(inputs, 0);
    const maps = await explainBatch(method, explained, one, [units], { batchSize: 1, signal });
    maps.release();
    one.release();
  }

  async #cell({ shown }: ShownPicture, maps: Tensor): Promise<Tensor<'uint8'>> {
    const { alpha, colormap } = this.#job.options;
    const reduced = await resizeImage(shown, cellSize(this.#job.target.size));
    return overlay(reduced, maps, { alpha, colormap });
  }

  /** Writes the sheet of all methods and a strip for each method. Returns their paths. */
  async #write(): Promise<string[]> {
    const { out, sheet = join(out, 'methods.png') } = this.#job.options;
    const shown = (count: number): SheetRow => ({
      title: `explained: ${this.#pictures
        .slice(0, count)
        .map(({ label }) => label)
        .join(', ')}`,
      cells: this.#pictures.map(({ cell }) => cell),
    });
    const files = [sheet];
    const titled = await writeSheet(sheet, [shown(SHEET_COLUMNS), ...this.#rows]);
    if (!titled) await writeLine(this.#job.terminal.err, UNTITLED);
    for (const row of this.#rows) {
      if (this.#job.signal.aborted) break;
      const file = join(out, 'methods', `${row.title}.png`);
      await writeSheet(file, [shown(STRIP_COLUMNS), row], STRIP_COLUMNS);
      files.push(file);
    }
    return files;
  }
}
