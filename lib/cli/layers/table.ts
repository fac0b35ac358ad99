import Table from 'cli-table3';
import type { TensorSpec } from '../../graph/layer.js';
import { formatBytes } from '../shared/numbers.js';
import { shapeText } from '../shared/pictures/target.js';
import { paint, printable, printableLines } from '../shared/terminal.js';
import type { LayerFacts, ModelFacts } from './facts.js';

/** As in `model.summary()` of Keras 3; its lines are the table's, too. */
const HEAD = ['Layer (type)', 'Output Shape', 'Param #', 'Connected to'];
/** Says what the layer is to `expose`. */
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
/** That of the widest head: it stays on one line. */
const LEAST_WIDTH = Math.max(...HEAD.map((head) => head.length)) + 2;

/**
 * The layers as `model.summary()` shows them, in a table as wide as `out`, where that is a terminal, and as its
 * contents where it is not: what is searched by line is not broken.
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
  // Colours come last: the library counts them where it wraps.
  const [top, names, ...body] = table.toString().split('\n') as [string, string, ...string[]];
  const coloured = names.replace(/[^│]+/g, (name) => paint(out, 'bold', name));
  const mark = (line: string) => line.replace(/ [a-z][a-z, ]*(?=│$)/, (text) => paint(out, 'green', text));
  return [top, coloured, underline(top), ...(marked ? body.map(mark) : body)].join('\n');
}

/** The line below the head, which the table library would draw below every row. */
function underline(top: string): string {
  const below: Record<string, string> = { '┏': '┡', '┳': '╇', '┓': '┩' };
  return top.replace(/[┏┳┓]/g, (corner) => below[corner] as string);
}

/** The widths of columns in a table of at most `room`, each with a space on either side: the widest ones give way. */
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

/** What is said below the table. */
export function summaryLines({ layers, parameters, bytes, exposed }: ModelFacts, shown: number): string[] {
  const some = shown === layers.length ? '' : `, ${shown} of them shown`;
  const totals = `Total params: ${parameters.toLocaleString('en')} (${formatBytes(bytes)}) in ${layers.length} layers${some}`;
  if ('refused' in exposed)
    return [totals, `By default nothing is exposed: ${printableLines(exposed.refused)}`];
  const { logits, activations } = exposed;
  const text = ({ name, shape }: TensorSpec) => `${printable(name)} ${shapeText(shape, 'None')}`;
  return [totals, `Exposed by default: ${text(logits)}, explained by ${text(activations)}`];
}
