/**
 * `npm run test:layers`: builds a small model for every Keras layer class and its options, in Keras 2.12 and in current
 * Keras, and compares predictions and gradients with those of tf.GradientTape (test/layers/). The tests run with oneDNN
 * and, a second time, without it. Every model is a SavedModel, a `.keras` file and a `.h5` file. Writes the table of
 * docs/models.md from the outcomes. Needs Python 3.11.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { virtualEnvironment } from './reference/python.mjs';
import { isMain, main, ROOT, run, step } from './setup/process.mjs';
import { vitest } from './setup/vitest.mjs';
import { setup } from './setup.mjs';

const BUILT = path.join(ROOT, 'build', 'layers');
const PAGE = path.join(ROOT, 'docs', 'models.md');
const KERAS = { keras2: 'Keras 2.12', keras3: 'Keras 3' };
const KERNELS = ['onednn', 'eigen'];

/** Builds the models of a version of Keras unless the same sources built them before. */
async function makeModels(version) {
  const python = await virtualEnvironment(`reference-venv-k${version}`, `requirements-keras${version}.txt`);
  const script = path.join(ROOT, 'scripts', 'reference', 'make_layers.py');
  await run(python, [script, path.join(BUILT, `keras${version}`)], {
    quiet: true,
    env: { ...process.env, PYTHONPATH: '', TF_CPP_MIN_LOG_LEVEL: '3' },
  });
}

const read = (name) => JSON.parse(readFileSync(path.join(BUILT, 'outcomes', `${name}.json`), 'utf8'));

const LONGEST = 130;
/** Returns the beginning of a message that is long. Paths of this machine become names of files. */
function shortened(message) {
  const text = message.replaceAll(/\S*\/build\/layers\/\S*\//g, '');
  return text.length > LONGEST ? `${text.slice(0, LONGEST)} ...` : text;
}

/** The stages that are a model file of Keras, each of which has a column of its own. */
const FORMATS = { keras: '`.keras`', h5: '`.h5`' };

/** Returns the cases with the outcomes of the stages that `isWanted` accepts, without cases that have none. */
function withStages(cases, isWanted) {
  const wanted = cases.map(({ outcomes, ...each }) => ({
    ...each,
    outcomes: Object.fromEntries(Object.entries(outcomes).filter(([stage]) => isWanted(stage))),
  }));
  return wanted.filter(({ outcomes }) => Object.keys(outcomes).length > 0);
}

/** Returns the text of a cell: `yes`, or each outcome that is not, with the options that it belongs to. */
export function cell(cases) {
  if (cases.length === 0) return '';
  const count = new Set(cases.map(({ options }) => options)).size;
  const problems = new Map();
  for (const { options, outcomes } of cases) {
    const bad = Object.entries(outcomes).filter(([, outcome]) => outcome !== 'ok' && outcome !== 'none');
    for (const [stage, outcome] of bad) {
      const text = shortened(`${stage}: ${outcome}`).replaceAll('|', '\\|');
      problems.set(text, [...(problems.get(text) ?? []), options]);
    }
  }
  if (problems.size === 0) return 'yes';
  const all = ([text, options]) =>
    new Set(options).size === count ? text : `${[...new Set(options)].join('; ')}: ${text}`;
  return [...problems].map(all).join('<br>');
}

/** Returns the rows of the table. `outcomes` has, by version of Keras, the entries of all kernels. */
export function table(outcomes) {
  const classes = [
    ...new Set(Object.values(outcomes).flatMap((cases) => cases.map((each) => each.class))),
  ].sort();
  const count = (cases, name) =>
    new Set(cases.filter((each) => each.class === name).map(({ options }) => options)).size;
  const row = (name) => {
    const versions = Object.keys(KERAS).map((keras) => outcomes[keras]);
    const models = Math.max(...versions.map((cases) => count(cases, name)));
    const own = versions.map((cases) => cases.filter((each) => each.class === name));
    // A column of a format has the files of all versions.
    const named = Object.values(KERAS).flatMap((keras, i) =>
      own[i].map(({ options, ...each }) => ({ ...each, options: `${options} (${keras})`.trim() })),
    );
    const cells = [
      ...own.map((cases) => cell(withStages(cases, (stage) => !Object.hasOwn(FORMATS, stage)))),
      ...Object.keys(FORMATS).map((format) => cell(withStages(named, (stage) => stage === format))),
    ];
    return `| \`${name}\` | ${models} | ${cells.join(' | ')} |`;
  };
  return [
    `| layer | options tried | ${[...Object.values(KERAS), ...Object.values(FORMATS)].join(' | ')} |`,
    '|---|---|---|---|---|---|',
    ...classes.map(row),
  ];
}

/** Returns `page` with `lines` between the markers of the table. */
export function withTable(page, lines) {
  const block = /(<!-- layers: table -->).*?(<!-- \/layers -->)/s;
  if (!block.test(page)) throw new Error('The page has no markers for the table of layers.');
  return page.replace(block, (_, begin, end) => `${begin}\n\n${lines.join('\n')}\n\n${end}`);
}

if (isMain(import.meta.url)) {
  main(async () => {
    await setup();
    step('Building the models of all layers in both versions of Keras');
    await Promise.all([2, 3].map(makeModels));
    const config = path.join('test', 'layers', 'vitest.config.ts');
    let failed = 0;
    for (const kernels of KERNELS) {
      step(`Comparing predictions and gradients (${kernels})`);
      const env = { ...process.env, TF_ENABLE_ONEDNN_OPTS: kernels === 'onednn' ? '1' : '0' };
      failed += await vitest(['run', '--config', config, ...process.argv.slice(2)], { env });
    }
    const of = (keras) => KERNELS.flatMap((kernels) => read(`${keras}-${kernels}`));
    const lines = table(Object.fromEntries(Object.keys(KERAS).map((keras) => [keras, of(keras)])));
    writeFileSync(PAGE, withTable(readFileSync(PAGE, 'utf8'), lines));
    return failed === 0 ? 0 : 1;
  });
}
