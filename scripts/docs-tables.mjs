/**
 * Writes the docs' tables and lists of methods from the methods' descriptors. Each block is between markers such as
 * `<!-- methods: table -->` and `<!-- /methods -->`. A unit test fails if a page is stale.
 *
 * Usage: node scripts/docs-tables.mjs
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { isMain, main, ROOT } from './setup/process.mjs';

/**
 * Returns the blocks of each page by the markers' names.
 *
 * @param list the descriptors of methods and meta methods
 * @param vocabulary the command line's names and flags of methods
 */
export function blocksOf(list, vocabulary) {
  return {
    'README.md': {
      shortcuts: names(list.methods),
      groups: [...new Set(list.methods.map(({ group }) => `\`methods.${group}.*\``))].join(', '),
      metas: list.metas.map(({ name }) => `\`methods.meta.${name}(method, ...)\``).join(', '),
    },
    'docs/methods/README.md': {
      table: methodTable(list),
      repeats: list.metas.map(repeatText).join(' and '),
      papers: paperTable(list),
    },
    'docs/cli.md': {
      names: names(list.methods),
      endings: vocabulary.endings.replaceAll(/_\w+/g, '`$&`'),
      flags: flagRows(vocabulary),
    },
  };
}

/** Returns `page` with each block between its markers. Throws if the markers and the blocks differ. */
export function withBlocks(page, blocks) {
  const written = new Set();
  const text = page.replaceAll(/<!-- methods: (\w+) -->(.*?)<!-- \/methods -->/gs, (_, name) => {
    if (!Object.hasOwn(blocks, name)) throw new Error(`There is no block '${name}' for this page.`);
    written.add(name);
    return `<!-- methods: ${name} -->${blocks[name]}<!-- /methods -->`;
  });
  const missing = Object.keys(blocks).filter((name) => !written.has(name));
  if (missing.length > 0) throw new Error(`The page has no marker for: ${missing.join(', ')}.`);
  return text;
}

const names = (methods) => methods.map(({ name }) => `\`${name}\``).join(', ');
const snake = (name) => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const row = (...cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
/** Returns a block with a table. Blank lines separate the table from the markers. */
const block = (rows) => `\n\n${rows.join('\n')}\n\n`;

function methodTable({ methods, metas }) {
  return block([
    '| method | map of unit `u` | forward | backward | model | when to use it |',
    '|---|---|---|---|---|---|',
    ...methods.map((method) =>
      row(
        `[\`${method.name}\`](${snake(method.name)}.md)`,
        method.formula,
        passesText(method, 'forward'),
        passesText(method, 'backward'),
        method.needs.includes('activations') ? 'exposed' : 'as it is',
        method.take,
      ),
    ),
    ...metas.map(({ name, times, formula, take }) =>
      row(
        `[\`${name}(m)\`](${snake(name)}.md)`,
        formula,
        `${times.symbol} times`,
        `${times.symbol} times`,
        'as `m`',
        take,
      ),
    ),
  ]);
}

/**
 * Returns passes as a formula of K channels and U units. Passes are linear in K and U unless a parameter bounds them.
 */
function passesText({ passes }, way) {
  const at = (channels, units) => passes({ channels, units })[way];
  const [constant, perChannel, perUnit] = [at(0, 0), at(1, 0) - at(0, 0), at(0, 1) - at(0, 0)];
  const term = (count, letter) => (count === 0 ? [] : [count === 1 ? letter : `${count} ${letter}`]);
  const terms = [
    ...(constant === 0 ? [] : [String(constant)]),
    ...term(perChannel, 'K'),
    ...term(perUnit, 'U'),
  ];
  if (terms.length === 0) return '0';
  const { backwardTo } = passes({ channels: 1, units: 1 });
  const end = backwardTo === 'activations' ? 'the activations' : 'the input';
  return way === 'backward' ? `${terms.join(' + ')}, to ${end}` : terms.join(' + ');
}

/** Returns the default number of runs of a meta method, such as 'R = 20 repetitions'. */
function repeatText({ passes, times }) {
  const { forward } = passes({ forward: 1, backward: 0, backwardTo: 'input' });
  return `${times.symbol} = ${forward} ${times.of}`;
}

function paperTable({ methods, metas }) {
  return block([
    '| method | paper | same maps as |',
    '|---|---|---|',
    ...[...methods, ...metas].map(({ name, paper, equals }) =>
      row(`\`${name}\``, paper === null ? '' : `[${paper.citation}](${paper.url})`, equals ?? ''),
    ),
  ]);
}

/** Returns rows for the middle of a table, from the end of the previous row to the end of the last row's last cell. */
function flagRows({ flags }) {
  const rows = flags.map(({ usage, meanings }) => {
    const of = ({ names: takers, summary }) =>
      `for ${takers.map((name) => `\`${name}\``).join(', ')}: ${summary}`;
    const defaults = [...new Set(meanings.map((meaning) => meaning.default))];
    return row(`\`${usage}\``, meanings.map(of).join('; '), defaults.join('; ')).slice(0, -' |'.length);
  });
  return ` |\n${rows.join(' |\n')}`;
}

if (isMain(import.meta.url)) {
  main(async () => {
    const built = (file) => import(pathToFileURL(path.join(ROOT, 'dist', file)).href);
    const { BUILT_IN } = await built('methods/built_in.js');
    const { VOCABULARY } = await built('cli/shared/methods/vocabulary.js');
    for (const [page, blocks] of Object.entries(blocksOf(BUILT_IN, VOCABULARY))) {
      const file = path.join(ROOT, page);
      writeFileSync(file, withBlocks(readFileSync(file, 'utf8'), blocks));
    }
  });
}
