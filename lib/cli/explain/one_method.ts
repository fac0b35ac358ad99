import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { encodePng, overlay, resizeImage } from '../../image/index.js';
import type { Model } from '../../model/model.js';
import type { Tensor } from '../../tensor.js';
import { exitCodes } from '../failure.js';
import { explainBatch, firstMap, rowOf } from '../methods/explaining.js';
import { explainedModel } from '../methods/exposed.js';
import type { NamedMethod } from '../methods/named.js';
import { type LoadedPicture, loadBatch } from '../pictures/batch.js';
import { OutputNames } from '../pictures/files.js';
import { labelOf, type Prediction, type ScoreKind, topUnits } from '../pictures/predictions.js';
import { predictScores } from '../pictures/scores.js';
import { type Progress, startProgress } from '../progress.js';
import { writeLine } from '../terminal.js';
import type { Job } from './job.js';
import { boxOf, PointingGame } from './pointing.js';
import { Printer } from './printer.js';
import { Report, type ReportOverlay, type ReportPicture } from './report.js';
import { cellSize, SHEET_COLUMNS, UNTITLED, writeSheet } from './sheet.js';

/** Predictions that are shown of a picture, where not more are explained. */
const SHOWN_PREDICTIONS = 3;
/** Where the pictures lie, in the output directory. */
const PICTURES = 'images';

/** Explains every picture by one method, and writes overlays and a page. Returns the exit code. */
export async function explainByOne(job: Job): Promise<number> {
  const [method] = job.methods as [NamedMethod];
  const explained = explainedModel(job.target.model, method, job.options.layer);
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
  /** The first pictures and their maps, for the sheet. */
  readonly #sheet: { originals: Tensor<'uint8'>[]; overlays: Tensor<'uint8'>[] } = {
    originals: [],
    overlays: [],
  };
  #scoreKind: ScoreKind | null = null;
  #report: Report | null = null;
  #done = 0;
  #failed = 0;

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
    const total = this.#job.paths.length;
    const { pictures, inputs, failures } = await loadBatch(paths, target, options.preprocess, signal);
    for (const { path, error } of failures) {
      this.#failed += 1;
      await progress.aside(() => this.#printer.failure(path, error));
    }
    if (inputs === null) return;
    try {
      const scores = await predictScores(target, inputs, options.batchSize, this.#scoreKind, signal);
      this.#scoreKind = scores.kind;
      const units = scores.rows.map((row) => options.units ?? topUnits(row, options.top));
      // Explaining is half of a picture's way, its files are the other: the bar never goes back.
      const done = this.#done + this.#failed;
      const update = (halves: number, item: string) => progress.update(done + halves / 2, total, item);
      const maps = await explainBatch(this.#method, this.#explained, inputs, units, {
        batchSize: options.batchSize,
        signal,
        onShare: (share) => update(share * pictures.length, this.#method.name),
      });
      for (const [i, picture] of pictures.entries()) {
        if (signal.aborted) break;
        update(pictures.length + i, picture.path);
        const shown = await this.#picture(
          picture,
          scores.rows[i] as Float64Array,
          units[i] as number[],
          rowOf(maps, i),
        );
        await progress.aside(() => this.#printer.picture(picture.path, shown));
        this.#done += 1;
      }
      maps.release();
    } finally {
      inputs.release();
      for (const { shown } of pictures) shown.release();
    }
  }

  async #picture(
    picture: LoadedPicture,
    scores: Float64Array,
    units: readonly number[],
    maps: Tensor,
  ): Promise<ReportPicture> {
    const { options, target, labels, boxes } = this.#job;
    const name = this.#names.next(picture.path);
    const predict = (unit: number): Prediction => ({
      unit,
      label: labelOf(unit, labels),
      score: scores[unit] as number,
    });
    const original = await this.#save(`${name}.original.png`, picture.shown);
    const overlays: ReportOverlay[] = [];
    for (const [i, unit] of units.entries()) {
      const { alpha, colormap } = options;
      const laid = await overlay(picture.shown, maps, { unit: i, alpha, colormap });
      overlays.push({ path: await this.#save(`${name}.unit-${unit}.png`, laid), prediction: predict(unit) });
      if (i === 0) await this.#addToSheet(picture.shown, laid);
      laid.release();
    }
    const box = boxOf(boxes, picture.path);
    const hit =
      box === undefined ? undefined : this.#game.add(firstMap(maps), target.size, picture.size, box);
    const count = Math.max(SHOWN_PREDICTIONS, options.top);
    const shown: ReportPicture = {
      name: basename(picture.path),
      original,
      size: picture.shown.shape.slice(1, 3) as [number, number],
      overlays,
      predictions: topUnits(scores, count).map(predict),
      hit,
    };
    maps.release();
    await (await this.#openReport()).add(shown);
    return shown;
  }

  /** Writes a PNG, and returns its path relative to the page. */
  async #save(name: string, image: Tensor): Promise<string> {
    await writeFile(join(this.#job.options.out, PICTURES, name), await encodePng(image));
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

  /** The page is ended whatever becomes of the sheet. */
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
      interrupted: signal.aborted,
      scores: this.#scoreKind,
      pointing: this.#game.result(),
      page: this.#report === null ? null : join(options.out, 'index.html'),
      sheet,
    });
    await this.#report?.finish(lines);
  }

  /** Returns the path of what was written, if anything was. */
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
