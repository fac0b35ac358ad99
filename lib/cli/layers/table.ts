import Table from 'cli-table3';
import type { TensorSpec } from '../../graph/layer.js';
import { formatBytes } from '../shared/numbers.js';
import { shapeText } from '../shared/pictures/target.js';
import { paint, printable, printableLines } from '../shared/terminal.js';
import type { LayerFacts, ModelFacts } from './facts.js';

/** The headings of `model.summary()` in Keras 3. The lines of the table are the same too. */
const HEAD = ['Layer (type)', 'Output Shape', 'Param #', 'Connected to'];
/** The heading of the column with the layer's role in `expose`. */
const MARKS_HEAD = 'Exposed';
const LINES = {
  top: '━',
  'top-mid': '┳',
  'top-left': '┏',
  'top-right': '┓',
  bottom: '─',
  'bottom-mid': '┴',
  'bottom-left': '└',
  'bottom-right': '┘',
  left: '│',
  'left-mid': '├',
  mid: '─',
  'mid-mid': '┼',
  right: '│',
  'right-mid': '┤',
  middle: '│',
} as const;
/** The minimum width of a column. The widest heading stays on one line. */
const LEAST_WIDTH = Math.max(...HEAD.map((head) => head.length)) + 2;

/**
 * Returns the layers as a table like `model.summary()`. On a terminal, the table has the width of the terminal.
 * Elsewhere, the table has the width of its contents, so that no line is broken and lines can be searched.
 */
export function layersTable(out: NodeJS.WriteStream, layers: readonly LayerFacts[]): string {
  const marked = layers.some(({ marks }) => marks.length > 0);
  const head = marked ? [...HEAD, MARKS_HEAD] : HEAD;
  const rows = layers.map((layer) => [
    layerText(layer),
    layer.outputs.map(({ shape }) => shapeText(shape, 'None')).join(', '),
    layer.parameters.toLocaleString('en'),
    printable(layer.connectedTo.join(', ')) || '-',
    ...(marked ? [layer.marks.join(', ')] : []),
  ]);
  const natural = head.map((text, i) =>
    Math.max(text.length, ...rows.map((row) => (row[i] as string).length)),
  );
  const table = new Table({
    head,
    chars: { ...LINES, mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' },
    colAligns: ['left', 'left', 'right', 'left', 'left'],
    colWidths: fitWidths(natural, out.isTTY === true ? out.columns : Number.POSITIVE_INFINITY),
    wordWrap: true,
    wrapOnWordBoundary: false,
    style: { head: [], border: [] },
  });
  table.push(...rows);
  // Colours are added last, because the library would count them when it wraps text.
  const [top, names, ...body] = table.toString().split('\n') as [string, string, ...string[]];
  const coloured = names.replace(/[^│]+/g, (name) => paint(out, 'bold', name));
  const mark = (line: string) => line.replace(/ [a-z][a-z, ]*(?=│$)/, (text) => paint(out, 'green', text));
  return [top, coloured, underline(top), ...(marked ? body.map(mark) : body)].join('\n');
}

/** Draws the line below the heading. The table library would draw it below every row. */
function underline(top: string): string {
  const below: Record<string, string> = { '┏': '┡', '┳': '╇', '┓': '┩' };
  return top.replace(/[┏┳┓]/g, (corner) => below[corner] as string);
}

/**
 * Returns the widths of columns in a table of at most `room`, with a space on either side. The widest columns shrink.
 */
export function fitWidths(natural: readonly number[], room: number): number[] {
  const widths = natural.map((width) => width + 2);
  const lines = natural.length + 1;
  let over = widths.reduce((total, width) => total + width, lines) - room;
  while (over > 0) {
    const widest = widths.indexOf(Math.max(...widths));
    if ((widths[widest] as number) <= LEAST_WIDTH) break;
    widths[widest] = (widths[widest] as number) - 1;
    over -= 1;
  }
  return widths;
}

function layerText({ path, name, type, calls }: LayerFacts): string {
  const indent = path.length > 1 ? `${'  '.repeat(path.length - 2)}└ ` : '';
  return `${indent}${printable(`${name} (${type})`)}${calls > 1 ? ` ×${calls}` : ''}`;
}

/** Returns the lines below the table. */
export function summaryLines({ layers, parameters, bytes, exposed }: ModelFacts, shown: number): string[] {
  const some = shown === layers.length ? '' : `, ${shown} of them shown`;
  const totals = `Total params: ${parameters.toLocaleString('en')} (${formatBytes(bytes)}) in ${layers.length} layers${some}`;
  if ('refused' in exposed)
    return [totals, `By default nothing is exposed: ${printableLines(exposed.refused)}`];
  const { logits, activations } = exposed;
  const text = ({ name, shape }: TensorSpec) => `${printable(name)} ${shapeText(shape, 'None')}`;
  return [totals, `Exposed by default: ${text(logits)}, explained by ${text(activations)}`];
}
