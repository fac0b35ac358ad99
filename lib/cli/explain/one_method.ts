import { mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { countConstantMaps } from '../../engine/findings.js';
import { IMAGE_REPLICAS } from '../../image/image_function.js';
import { encodePng, overlay, resizeImage } from '../../image/index.js';
import type { Model } from '../../model/model.js';
import { writeWhole } from '../../support/write_whole.js';
import type { Tensor } from '../../tensor/tensor.js';
import { exitCodes } from '../shared/failure.js';
import { explainBatch, firstMap, rowOf } from '../shared/methods/explaining.js';
import { explainedModel } from '../shared/methods/exposed.js';
import type { NamedMethod } from '../shared/methods/vocabulary.js';
import { loadBatch, type ShownPicture } from '../shared/pictures/load_pictures.js';
import { OutputNames } from '../shared/pictures/picture_files.js';
import { predictionOf, type ScoreKind, topPredictions, topUnits } from '../shared/pictures/predictions.js';
import { predictScores } from '../shared/pictures/scores.js';
import { type Progress, startProgress } from '../shared/progress_bar.js';
import { writeLine } from '../shared/terminal.js';
import { cellSize, SHEET_COLUMNS, UNTITLED, writeSheet } from './comparison_sheet.js';
import type { Job } from './job.js';
import { boxOf, PointingGame } from './pointing.js';
import { Printer } from './printer.js';
import { Report, type ReportOverlay, type ReportPicture } from './report.js';

/** The minimum number of predictions that are shown per picture. */
const SHOWN_PREDICTIONS = 3;
/** The directory of the pictures inside the output directory. */
const PICTURES = 'images';

/** A picture that is ready to be drawn. */
interface ExplainedPicture {
  readonly picture: ShownPicture;
  /** The prefix of the names of its files. */
  readonly name: string;
  readonly scores: Float64Array;
  readonly units: readonly number[];
  /** float32 `(1, height, width, units)`. */
  readonly maps: Tensor<'float32'>;
}

interface DrawnPicture {
  readonly row: ExplainedPicture;
  /** Paths relative to the page. */
  readonly original: string;
  readonly overlays: readonly ReportOverlay[];
  /** The overlay of the first unit. */
  readonly first: Tensor;
}

/** Explains every picture with one method and writes overlays and a page. Returns the exit code. */
export async function explainByOne(job: Job): Promise<number> {
  const [method] = job.methods as [NamedMethod];
  const { layer, activation } = job.options;
  const explained = explainedModel(job.target.model, method, layer, activation);
  await mkdir(join(job.options.out, PICTURES), { recursive: true });
  return new Run(job, method, explained).all();
}

class Run {
  readonly #job: Job;
  readonly #method: NamedMethod;
  readonly #explained: Model;
  readonly #names = new OutputNames();
  readonly #game = new PointingGame();
  readonly #printer: Printer;
  /** The first pictures and their maps for the sheet. */
  readonly #sheet: { originals: Tensor<'uint8'>[]; overlays: Tensor<'uint8'>[] } = {
    originals: [],
    overlays: [],
  };
  #scoreKind: ScoreKind | null = null;
  #report: Report | null = null;
  #done = 0;
  #failed = 0;
  #maps = 0;
  /** The number of maps with one value at all positions. */
  #constant = 0;

  constructor(job: Job, method: NamedMethod, explained: Model) {
    this.#job = job;
    this.#method = method;
    this.#explained = explained;
    this.#printer = new Printer(job.terminal, job.options.json);
  }

  async all(): Promise<number> {
    const { options, paths, terminal, signal } = this.#job;
    const progress = startProgress(terminal, paths.length, (count) => String(Math.floor(count)));
    try {
      for (let from = 0; from < paths.length && !signal.aborted; from += options.batchSize) {
        await this.#batch(paths.slice(from, from + options.batchSize), progress);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      progress.stop();
      await this.#finish();
    }
    if (signal.aborted) return exitCodes.interrupted;
    return this.#failed > 0 ? exitCodes.failure : exitCodes.success;
  }

  async #batch(paths: readonly string[], progress: Progress): Promise<void> {
    const { options, target, signal } = this.#job;
    const { preprocess } = options;
    const total = this.#job.paths.length;
    const { pictures, inputs, failures } = await loadBatch(paths, { target, preprocess, signal });
    for (const { path, error } of failures) {
      this.#failed += 1;
      await progress.aside(() => this.#printer.failure(path, error));
    }
    if (inputs === null) return;
    try {
      const scores = await predictScores(target, inputs, options.batchSize, this.#scoreKind, signal);
      this.#scoreKind = scores.kind;
      const units = scores.rows.map((row) => options.units ?? topUnits(row, options.top));
      // The explanation counts as half of a picture's work, and its files count as the other half. The bar never goes
      // back.
      const done = this.#done + this.#failed;
      const update = (halves: number, item: string) => progress.update(done + halves / 2, total, item);
      const maps = await explainBatch(this.#method, this.#explained, inputs, units, {
        batchSize: options.batchSize,
        signal,
        onShare: (share) => update(share * pictures.length, this.#method.name),
      });
      this.#constant += (await countConstantMaps(maps)) ?? 0;
      this.#maps += (maps.shape[0] as number) * (maps.shape[3] as number);
      const rows = pictures.map((picture, i) => ({
        picture,
        name: this.#names.next(picture.path),
        scores: scores.rows[i] as Float64Array,
        units: units[i] as number[],
        maps: rowOf(maps, i),
      }));
      // Several pictures are drawn at once and reported in order.
      for (let from = 0; from < rows.length && !signal.aborted; from += IMAGE_REPLICAS) {
        update(pictures.length + from, pictures[from]?.path ?? '');
        const drawn = await Promise.all(
          rows.slice(from, from + IMAGE_REPLICAS).map((row) => this.#draw(row)),
        );
        for (const each of drawn) await this.#tell(each, progress);
      }
      maps.release();
    } finally {
      inputs.release();
      for (const { shown } of pictures) shown.release();
    }
  }

  /** Writes the files of a picture. */
  async #draw(row: ExplainedPicture): Promise<DrawnPicture> {
    const { alpha, colormap } = this.#job.options;
    const { picture, name, scores, units, maps } = row;
    const original = await this.#save(`${name}.original.png`, picture.shown);
    const overlays: ReportOverlay[] = [];
    let first: Tensor | null = null;
    for (const [i, unit] of units.entries()) {
      const laid = await overlay(picture.shown, maps, { unit: i, alpha, colormap });
      const path = await this.#save(`${name}.unit-${unit}.png`, laid);
      overlays.push({ path, prediction: predictionOf(scores, unit, this.#job.labels) });
      if (i === 0) first = laid;
      else laid.release();
    }
    return { row, original, overlays, first: first as Tensor };
  }

  /** Adds a picture to the page and the sheet, and prints its result. */
  async #tell({ row, original, overlays, first }: DrawnPicture, progress: Progress): Promise<void> {
    const { options, labels, boxes } = this.#job;
    const { picture, scores, maps } = row;
    await this.#addToSheet(picture.shown, first);
    first.release();
    const box = boxOf(boxes, picture.path);
    const map = firstMap(maps);
    const hit = box === undefined ? undefined : this.#game.add(map.values, map.size, picture.size, box);
    maps.release();
    const shown: ReportPicture = {
      name: basename(picture.path),
      original,
      size: picture.shown.shape.slice(1, 3) as [number, number],
      overlays,
      predictions: topPredictions(scores, Math.max(SHOWN_PREDICTIONS, options.top), labels),
      hit,
    };
    await (await this.#openReport()).add(shown);
    await progress.aside(() => this.#printer.picture(picture.path, shown));
    this.#done += 1;
  }

  /** Writes a PNG, and returns its path relative to the page. */
  async #save(name: string, image: Tensor): Promise<string> {
    await writeWhole(join(this.#job.options.out, PICTURES, name), await encodePng(image));
    return `${PICTURES}/${name}`;
  }

  async #addToSheet(picture: Tensor, laid: Tensor): Promise<void> {
    const { originals, overlays } = this.#sheet;
    if (this.#job.options.sheet === undefined || originals.length >= SHEET_COLUMNS) return;
    const size = cellSize(this.#job.target.size);
    originals.push(await resizeImage(picture, size));
    overlays.push(await resizeImage(laid, size));
  }

  async #openReport(): Promise<Report> {
    const { out, model, method } = this.#job.options;
    this.#report ??= await Report.create(join(out, 'index.html'), {
      model,
      method,
      scoreKind: this.#scoreKind ?? 'softmax',
    });
    return this.#report;
  }

  /** Ends the page even if the sheet cannot be written. */
  async #finish(): Promise<void> {
    let sheet: string | null = null;
    try {
      sheet = await this.#writeSheet();
    } finally {
      await this.#conclude(sheet);
    }
  }

  async #conclude(sheet: string | null): Promise<void> {
    const { options, paths, signal } = this.#job;
    const lines = await this.#printer.summary({
      explained: this.#done,
      failed: this.#failed,
      total: paths.length,
      maps: this.#maps,
      constantMaps: this.#constant,
      interrupted: signal.aborted,
      scores: this.#scoreKind,
      pointing: this.#game.result(),
      page: this.#report === null ? null : join(options.out, 'index.html'),
      sheet,
    });
    await this.#report?.finish(lines);
  }

  /** Returns the path of the written file, if any. */
  async #writeSheet(): Promise<string | null> {
    const { options, terminal, signal } = this.#job;
    const { originals, overlays } = this.#sheet;
    if (options.sheet === undefined || originals.length === 0 || signal.aborted) return null;
    const titled = await writeSheet(options.sheet, [
      { title: 'pictures', cells: originals },
      { title: this.#method.name, cells: overlays },
    ]);
    if (!titled) await writeLine(terminal.err, UNTITLED);
    return options.sheet;
  }
}
