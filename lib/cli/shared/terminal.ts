import { styleText } from 'node:util';

type Format = Parameters<typeof styleText>[0];

/** The streams of a command: results go to `out`, progress and errors go to `err`. */
export interface Terminal {
  readonly out: NodeJS.WriteStream;
  readonly err: NodeJS.WriteStream;
}

/**
 * Colours `text` if `stream` is a terminal with colours and neither `NO_COLOR` nor `TERM=dumb` is set. If `FORCE_COLOR`
 * is set, it determines the colours, even without a terminal.
 */
export function paint(stream: NodeJS.WriteStream, format: Format, text: string): string {
  return styleText(format, text, { stream });
}

/** Returns whether {@link paint} colours text for `stream`. */
export function hasColours(stream: NodeJS.WriteStream): boolean {
  return paint(stream, 'bold', '') !== '';
}

/** Control characters, and characters that change the direction of text. */
const UNPRINTABLE = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu;

/**
 * Returns a name from a file, a file system or a model as safe text of one line. Characters that would break the line
 * or control the terminal are shown as in JSON, for example `\n` or `\u001b`.
 */
export function printable(name: string): string {
  return name.replace(UNPRINTABLE, (character) =>
    character < '\u0020'
      ? JSON.stringify(character).slice(1, -1)
      : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Like {@link printable}, for text of several lines. */
export function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n');
}

/**
 * Writes a line and waits until the stream has taken it. A reader that leaves early (`| head`) ends the output, not the
 * work: `main.ts` leaves the error `EPIPE` to this function.
 */
export function writeLine(stream: NodeJS.WriteStream, line = ''): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(`${line}\n`, (error) => {
      if (error && (error as NodeJS.ErrnoException).code !== 'EPIPE') reject(error);
      else resolve();
    });
  });
}

/** Writes one object per line, the format of every command with `--json`. */
export function writeJson(stream: NodeJS.WriteStream, value: object): Promise<void> {
  return writeLine(stream, JSON.stringify(value));
}
