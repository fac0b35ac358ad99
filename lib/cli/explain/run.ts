import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { explain } from '../../engine/explain.js';
import { encodePng, overlay } from '../../image/index.js';
import { loadModel } from '../../load_model.js';
import type { Model } from '../../model/model.js';
import { type Tensor, tensor } from '../../tensor.js';
import { exitCodes, UsageError } from '../failure.js';
import { type Progress, startProgress } from '../progress.js';
import type { Terminal } from '../terminal.js';
import { type LoadedPicture, loadBatch } from './batch.js';
import { readLabels } from './labels.js';
import type { ExplainOptions } from './options.js';
import { findPictures, OutputNames } from './pictures.js';
import { type Box, PointingGame, readBoxes } from './pointing.js';
import { labelOf, type Prediction, type ScoreKind, scoreKindOf, scoresOf, topUnits } from './predictions.js';
import { Printer } from './printer.js';
import { Report, type ReportOverlay, type ReportPicture } from './report.js';
import { type Target, targetOf } from './target.js';

/** Predictions that are shown of a picture, where not more are explained. */
const SHOWN_PREDICTIONS = 3;
/** Where the pictures lie, in the output directory. */
const PICTURES = 'images';

/** What `keras-explainable explain` does. Returns the exit code. */
export async function explainPictures(
  options: ExplainOptions,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<number> {
  const [labels, boxes, paths] = await Promise.all([
    options.labels === undefined ? [] : readLabels(options.labels),
    options.boxes === undefined ? null : readBoxes(options.boxes),
    findPictures(options.images),
  ]);
  if (boxes !== null && !paths.some((path) => boxOf(boxes, path) !== undefined)) {
    throw new UsageError(`--boxes: '${options.boxes}' has a box for none of the ${paths.length} pictures.`);
  }
  const model = await loadModel(options.model, { signature: options.signature });
  try {
    const target = targetOf(model, options);
    await mkdir(join(options.out, PICTURES), { recursive: true });
    const run = new Run(options, target, labels, boxes, terminal, signal);
    return await run.all(paths);
  } finally {
    model.close();
  }
}

function boxOf(boxes: ReadonlyMap<string, Box> | null, path: string): Box | undefined {
  return boxes?.get(path) ?? boxes?.get(basename(path));
}

class Run {
  readonly #options: ExplainOptions;
  readonly #target: Target;
  readonly #labels: readonly string[];
  readonly #boxes: ReadonlyMap<string, Box> | null;
  readonly #terminal: Terminal;
  readonly #signal: AbortSignal;
  readonly #names = new OutputNames();
  readonly #game = new PointingGame();
  readonly #printer: Printer;
  #scoreKind: ScoreKind | null = null;
  #report: Report | null = null;
  #explained = 0;
  #failed = 0;

  constructor(
    options: ExplainOptions,
    target: Target,
    labels: readonly string[],
    boxes: ReadonlyMap<string, Box> | null,
    terminal: Terminal,
    signal: AbortSignal,
  ) {
    this.#options = options;
    this.#target = target;
    this.#labels = labels;
    this.#boxes = boxes;
    this.#terminal = terminal;
    this.#signal = signal;
    this.#printer = new Printer(terminal, options.json);
  }

  async all(paths: readonly string[]): Promise<number> {
    const progress = startProgress(this.#terminal, paths.length, String);
    try {
      for (let from = 0; from < paths.length && !this.#signal.aborted; from += this.#options.batchSize) {
        await this.#batch(paths.slice(from, from + this.#options.batchSize), paths.length, progress);
      }
    } catch (error) {
      if (!this.#signal.aborted) throw error;
    } finally {
      progress.stop();
      await this.#finish(paths.length);
    }
    if (this.#signal.aborted) return exitCodes.interrupted;
    return this.#failed > 0 ? exitCodes.failure : exitCodes.success;
  }

  async #batch(paths: readonly string[], total: number, progress: Progress): Promise<void> {
    const { pictures, inputs, failures } = await loadBatch(paths, this.#target, this.#options.preprocess);
    for (const { path, error } of failures) {
      this.#failed += 1;
      await progress.aside(() => this.#printer.failure(path, error));
    }
    if (inputs === null) return;
    try {
      const scores = await this.#predict(inputs);
      const units = scores.map((row) => this.#options.units ?? topUnits(row, this.#options.top));
      const maps = await this.#explain(inputs, units);
      for (const [i, picture] of pictures.entries()) {
        if (this.#signal.aborted) break;
        progress.update(this.#explained + this.#failed, total, picture.path);
        const shown = await this.#picture(
          picture,
          scores[i] as Float64Array,
          units[i] as number[],
          rowOf(maps, i),
        );
        await progress.aside(() => this.#printer.picture(picture.path, shown));
        this.#explained += 1;
      }
      maps.release();
    } finally {
      inputs.release();
      for (const { shown } of pictures) shown.release();
    }
  }

  /** A row of scores per picture. */
  async #predict(inputs: Tensor): Promise<Float64Array[]> {
    const { model, units } = this.#target;
    const outputs = await firstOutput(model, inputs, this.#options.batchSize);
    this.#scoreKind ??= scoreKindOf(outputs, units);
    const kind = this.#scoreKind;
    return Array.from({ length: outputs.length / units }, (_, i) =>
      scoresOf(outputs.subarray(i * units, (i + 1) * units), kind),
    );
  }

  /** float32 `(N, height, width, units)`. */
  async #explain(inputs: Tensor, units: readonly (readonly number[])[]): Promise<Tensor> {
    const { method, explained } = this.#target;
    const { maps } = await explain(method.method, explained, inputs, units, {
      batchSize: this.#options.batchSize,
      verbose: 0,
      force: false,
      signal: this.#signal,
      postprocessing: method.postprocessing,
    });
    return maps;
  }

  async #picture(
    picture: LoadedPicture,
    scores: Float64Array,
    units: readonly number[],
    maps: Tensor,
  ): Promise<ReportPicture> {
    const name = this.#names.next(picture.path);
    const predict = (unit: number): Prediction => ({
      unit,
      label: labelOf(unit, this.#labels),
      score: scores[unit] as number,
    });
    const original = await this.#save(`${name}.original.png`, picture.shown);
    const overlays: ReportOverlay[] = [];
    for (const [i, unit] of units.entries()) {
      const { alpha, colormap } = this.#options;
      const laid = await overlay(picture.shown, maps, { unit: i, alpha, colormap });
      overlays.push({ path: await this.#save(`${name}.unit-${unit}.png`, laid), prediction: predict(unit) });
      laid.release();
    }
    const box = boxOf(this.#boxes, picture.path);
    const hit =
      box === undefined ? undefined : this.#game.add(firstMap(maps), this.#target.size, picture.size, box);
    const count = Math.max(SHOWN_PREDICTIONS, this.#options.top);
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
    await writeFile(join(this.#options.out, PICTURES, name), await encodePng(image));
    return `${PICTURES}/${name}`;
  }

  async #openReport(): Promise<Report> {
    this.#report ??= await Report.create(join(this.#options.out, 'index.html'), {
      model: this.#options.model,
      method: this.#options.method,
      scoreKind: this.#scoreKind ?? 'softmax',
    });
    return this.#report;
  }

  async #finish(total: number): Promise<void> {
    const lines = await this.#printer.summary({
      explained: this.#explained,
      failed: this.#failed,
      total,
      interrupted: this.#signal.aborted,
      scores: this.#scoreKind,
      pointing: this.#game.result(),
      page: this.#report === null ? null : join(this.#options.out, 'index.html'),
    });
    await this.#report?.finish(lines);
  }
}

async function firstOutput(model: Model, inputs: Tensor, batchSize: number): Promise<Float32Array> {
  const predicted = await model.predict(inputs, { batchSize });
  const outputs = Array.isArray(predicted) ? (predicted as Tensor[]) : [predicted as Tensor];
  const values = Float32Array.from(outputs[0]?.data as Float32Array);
  for (const output of outputs) output.release();
  return values;
}

/** Row `i` of maps as maps of one picture, copied. */
function rowOf(maps: Tensor, i: number): Tensor {
  const [, ...shape] = maps.shape;
  const size = shape.reduce((product, each) => product * each, 1);
  return tensor((maps.data as Float32Array).slice(i * size, (i + 1) * size), [1, ...shape], 'float32');
}

/** The map of the first unit, row-major. */
function firstMap(maps: Tensor): Float32Array {
  const units = maps.shape.at(-1) as number;
  const values = maps.data as Float32Array;
  return Float32Array.from({ length: values.length / units }, (_, i) => values[i * units] as number);
}
