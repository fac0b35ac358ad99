import type { Passes } from '../../methods/descriptor.js';
import type { NamedMethod } from '../shared/methods/vocabulary.js';
import { formatNumber } from '../shared/numbers.js';
import { printFailure, printSkipped } from '../shared/pictures/printing.js';
import { paint, type Terminal, writeJson, writeLine } from '../shared/terminal.js';
import type { PointingResult } from './pointing.js';

/** The results of one method in a comparison. */
export interface ComparedMethod {
  readonly name: string;
  /** The pointing game, or null if no picture has a box. */
  readonly pointing: PointingResult | null;
  /** The duration of the whole call of `explain` per picture, after the method is compiled. */
  readonly millisecondsPerPicture: number;
  /** The passes for one picture. */
  readonly passes: Passes;
}

export interface ComparisonSummary {
  readonly explained: number;
  readonly failed: number;
  readonly total: number;
  readonly compared: number;
  readonly skipped: number;
  readonly interrupted: boolean;
  /** The paths of the written files, the sheet first. */
  readonly files: readonly string[];
}

/** Prints a comparison row by row, as a table for the user or as one JSON object per line for a program. */
export class ComparisonPrinter {
  readonly #terminal: Terminal;
  readonly #json: boolean;
  readonly #nameWidth: number;
  readonly #plays: boolean;
  #begun = false;
  #partial = false;
  #nan = false;
  #pointing: PointingResult | null = null;

  /** @param plays whether there are boxes for the pointing game. */
  constructor(terminal: Terminal, json: boolean, methods: readonly NamedMethod[], plays: boolean) {
    this.#terminal = terminal;
    this.#json = json;
    this.#nameWidth = Math.max('method'.length, ...methods.map(({ name }) => name.length));
    this.#plays = plays;
  }

  async method(compared: ComparedMethod): Promise<void> {
    if (this.#json) return writeJson(this.#terminal.out, { type: 'method', ...compared });
    const { name, pointing, millisecondsPerPicture, passes } = compared;
    if (!this.#begun) {
      this.#begun = true;
      const head = this.#cells('method', 'in the box', 'ms a picture', 'forward', 'backward ');
      await writeLine(this.#terminal.out, paint(this.#terminal.out, 'bold', head.trimEnd()));
    }
    if (pointing !== null && pointing.pictures > 0) this.#pointing ??= pointing;
    this.#nan ||= pointing?.nan !== undefined;
    const partial = passes.backward > 0 && passes.backwardTo === 'activations';
    this.#partial ||= partial;
    const row = this.#cells(
      name,
      pointing === null ? '-' : `${pointing.hits} of ${pointing.pictures}`,
      formatNumber(millisecondsPerPicture),
      String(passes.forward),
      `${passes.backward}${partial ? '*' : ' '}`,
    );
    return writeLine(this.#terminal.out, row.trimEnd());
  }

  skipped(method: string, error: Error): Promise<void> {
    if (this.#json) return writeJson(this.#terminal.out, { type: 'skipped', method, message: error.message });
    return printSkipped(this.#terminal, method, error);
  }

  failure(path: string, error: Error): Promise<void> {
    return printFailure(this.#terminal, this.#json, path, error);
  }

  async summary(summary: ComparisonSummary): Promise<void> {
    if (this.#json) return writeJson(this.#terminal.out, { type: 'summary', ...summary });
    const { explained, failed, total, compared, skipped, interrupted, files } = summary;
    const lines = [''];
    if (this.#partial) lines.push('* from the logits to the exposed activations only.');
    if (compared > 0) {
      lines.push(
        'ms a picture: the whole call of explain, after one picture compiled the method; ' +
          'batches that take less than a second are run three times, the fastest counts.',
        'forward, backward: passes through the network for one picture.',
      );
    }
    if (this.#pointing !== null) {
      const chance = (this.#pointing.chance * 100).toFixed(1);
      lines.push(
        `in the box: how often the map's maximum is; chance gives ${chance} %.`,
        ...(this.#nan ? ['Maps that hold NaN have no maximum and are not counted.'] : []),
      );
    }
    const left = [failed > 0 ? `${failed} pictures` : '', skipped > 0 ? `${skipped} methods` : ''];
    const without = left.filter(Boolean).join(' and ');
    lines.push(
      `${compared} methods compared on ${explained} of ${total} pictures${without && `, ${without} skipped`}.`,
    );
    if (interrupted) {
      lines.push(`The run was interrupted${files.length === 0 ? ': no picture was written' : ''}.`);
    }
    for (const line of lines) await writeLine(this.#terminal.out, line);
    const [sheet] = files;
    if (sheet !== undefined) await writeLine(this.#terminal.out, `See ${sheet}`);
  }

  #cells(name: string, box: string, milliseconds: string, forward: string, backward: string): string {
    const pointing = this.#plays ? [box.padStart(12)] : [];
    return [
      name.padEnd(this.#nameWidth),
      ...pointing,
      milliseconds.padStart(14),
      forward.padStart(10),
      backward.padStart(12),
    ].join('');
  }
}
