import { stripVTControlCharacters } from 'node:util';
import Table from 'cli-table3';
import type { TensorSpec } from '../../graph/layer.js';
import { formatBytes } from '../numbers.js';
import { shapeText } from '../pictures/target.js';
import { paint } from '../terminal.js';
import type { LayerFacts, Mark, ModelFacts } from './facts.js';

/** As in `model.summary()` of Keras 3, and its lines. */
const HEAD = ['Layer (type)', 'Output Shape', 'Param #', 'Connected to'];
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

/** What the marks of a row say. */
const MARKS: Readonly<Record<Mark, string>> = {
  logits: '◀ logits',
  kernel: '◀ kernel of the logits',
  activations: '◀ activations',
  pooling: '◀ pooling',
};

/**
 * The layers as `model.summary()` shows them, in a table as wide as `out`, where that is a terminal, and as its contents
 * where it is not: what is searched by line is not broken.
 */
export function layersTable(out: NodeJS.WriteStream, layers: readonly LayerFacts[]): string {
  const rows = layers.map((layer) => [
    layerText(out, layer),
    layer.outputs.map(({ shape }) => shapeText(shape, 'None')).join(', '),
    layer.parameters.toLocaleString('en'),
    layer.connectedTo.join(', ') || '-',
  ]);
  const natural = HEAD.map((head, i) =>
    Math.max(head.length, ...rows.map((row) => stripVTControlCharacters(row[i] as string).length)),
  );
  const table = new Table({
    head: HEAD.map((head) => paint(out, 'bold', head)),
    chars: { ...LINES, mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' },
    colAligns: ['left', 'left', 'right', 'left'],
    colWidths: fitWidths(natural, out.isTTY === true ? out.columns : Number.POSITIVE_INFINITY),
    wordWrap: true,
    wrapOnWordBoundary: false,
    style: { head: [], border: [] },
  });
  table.push(...rows);
  const [top, head, ...body] = table.toString().split('\n');
  return [top, head, underline(top as string), ...body].join('\n');
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

function layerText(out: NodeJS.WriteStream, { path, name, type, calls, marks }: LayerFacts): string {
  const indent = path.length > 1 ? `${'  '.repeat(path.length - 2)}└ ` : '';
  const times = calls > 1 ? ` ×${calls}` : '';
  const text = `${indent}${name} (${type})${times}`;
  if (marks.length === 0) return text;
  return `${paint(out, 'bold', text)} ${paint(out, 'green', marks.map((mark) => MARKS[mark]).join(' '))}`;
}

/** What is said below the table. */
export function summaryLines({ layers, parameters, bytes, exposed }: ModelFacts, shown: number): string[] {
  const some = shown === layers.length ? '' : `, ${shown} of them shown`;
  const totals = `Total params: ${parameters.toLocaleString('en')} (${formatBytes(bytes)}) in ${layers.length} layers${some}`;
  if ('refused' in exposed) return [totals, `By default nothing is exposed: ${exposed.refused}`];
  const { logits, activations } = exposed;
  const text = ({ name, shape }: TensorSpec) => `${name} ${shapeText(shape, 'None')}`;
  return [totals, `Exposed by default: ${text(logits)}, explained by ${text(activations)}`];
}
