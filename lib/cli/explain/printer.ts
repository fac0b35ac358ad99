import { SCORE_TEXTS, type ScoreKind } from '../shared/pictures/predictions.js';
import { predictionsText, printFailure } from '../shared/pictures/printing.js';
import { paint, printable, type Terminal, writeJson, writeLine } from '../shared/terminal.js';
import type { PointingResult } from './pointing.js';
import { formatPointing, type ReportPicture } from './report.js';

export interface Summary {
  readonly explained: number;
  readonly failed: number;
  readonly total: number;
  readonly maps: number;
  /** The number of maps with one value at all positions. */
  readonly constantMaps: number;
  readonly interrupted: boolean;
  /** null if no unit was explained. */
  readonly scores: ScoreKind | null;
  readonly pointing: PointingResult | null;
  /** The paths of the written files, if any. */
  readonly page: string | null;
  readonly sheet: string | null;
}

/** Prints results, as text for the user or as one JSON object per line for a program. */
export class Printer {
  readonly #terminal: Terminal;
  readonly #json: boolean;

  constructor(terminal: Terminal, json: boolean) {
    this.#terminal = terminal;
    this.#json = json;
  }

  picture(path: string, { overlays, predictions, original, hit }: ReportPicture): Promise<void> {
    const { out } = this.#terminal;
    if (this.#json) {
      const files = overlays.map(({ path: file, prediction }) => ({ unit: prediction.unit, path: file }));
      return writeJson(this.#terminal.out, {
        type: 'picture',
        path,
        predictions,
        original,
        overlays: files,
        hit,
      });
    }
    const verdict =
      hit === undefined ? '' : `  ${hit ? paint(out, 'green', 'inside') : paint(out, 'red', 'outside')}`;
    return writeLine(out, `${printable(path)}  ${predictionsText(out, predictions)}${verdict}`);
  }

  failure(path: string, error: Error): Promise<void> {
    return printFailure(this.#terminal, this.#json, path, error);
  }

  /** Prints the summary and returns its lines for the page. */
  async summary(summary: Summary): Promise<string[]> {
    const { explained, failed, total, maps, constantMaps, interrupted, pointing, page, sheet } = summary;
    const lines = [`${explained} of ${total} pictures explained${failed > 0 ? `, ${failed} skipped` : ''}.`];
    if (interrupted) lines.push('The run was interrupted.');
    if (constantMaps > 0) {
      lines.push(`${constantMaps} of ${maps} maps have the same value at all positions: they show no place.`);
    }
    if (pointing !== null) lines.push(formatPointing(pointing));
    if (this.#json) {
      await writeJson(this.#terminal.out, { type: 'summary', ...summary });
      return lines;
    }
    const { out } = this.#terminal;
    await writeLine(out);
    if (summary.scores !== null) lines.push(SCORE_TEXTS[summary.scores]);
    for (const line of lines) await writeLine(out, line);
    const files = [page, sheet].filter((file) => file !== null);
    if (files.length > 0) await writeLine(out, `See ${files.join(' and ')}`);
    return lines;
  }
}
