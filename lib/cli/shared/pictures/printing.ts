import { paint, printable, printableLines, type Terminal, writeJson, writeLine } from '../terminal.js';
import { formatScore, type Prediction } from './predictions.js';

/** Predictions on one line, the first of them emphasised. */
export function predictionsText(out: NodeJS.WriteStream, predictions: readonly Prediction[]): string {
  const texts = predictions.map(({ label, score }) => `${printable(label)} ${formatScore(score)}`);
  return texts.map((text, i) => (i === 0 ? paint(out, 'bold', text) : text)).join(', ');
}

/** Prints that a picture was skipped, and the reason. */
export function printFailure(terminal: Terminal, json: boolean, path: string, error: Error): Promise<void> {
  if (json) return writeJson(terminal.out, { type: 'failure', path, message: error.message });
  return printSkipped(terminal, path, error);
}

export function printSkipped({ err }: Terminal, what: string, error: Error): Promise<void> {
  return writeLine(
    err,
    `${paint(err, 'yellow', 'skipped')} ${printable(what)}: ${printableLines(error.message)}`,
  );
}
