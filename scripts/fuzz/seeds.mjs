/** The seeds of the fuzzers: the small real models of test/fixtures, and a dictionary of their names. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from '../setup/process.mjs';
import { bytesField, fieldsOf, isTable, tableEntries, valuesAt, without } from './wire.mjs';

const FIXTURES = path.join(ROOT, 'test', 'fixtures');
const FILES = [
  'saved_model.pb',
  'keras_metadata.pb',
  'variables/variables.index',
  'variables/variables.data-00000-of-00001',
];
/** The maximum size of a seed in bytes. Larger seeds slow each run down and add little coverage. */
const LARGEST = 40_000;

const IDENTITY = {
  package: '0.1.0',
  tensorflow: '2.21.0',
  threads: 2,
  devices: [{ name: '/job:localhost/replica:0/task:0/device:CPU:0', type: 'CPU' }],
};

/**
 * Returns the message with each value of field `tag` replaced by `change(value)`. If `change` returns undefined, the
 * field is removed.
 */
function replacing(message, tag, change) {
  const parts = fieldsOf(message).flatMap((field) => {
    if (field.tag !== tag) return [field.whole];
    const changed = change(field.value);
    return changed === undefined ? [] : [bytesField(tag, changed)];
  });
  return Buffer.concat(parts);
}

const text = (message, ...path) => valuesAt(message, ...path)[0]?.toString('latin1') ?? '';

/** Returns the node without the internal attributes of the runtime that wrote the node. */
function slimNode(node) {
  const own = (attr) => text(attr, 1).startsWith('_') && text(attr, 1) !== '_gradient_op_type';
  return replacing(without(node, [4, 6]), 5, (attr) => (own(attr) ? undefined : attr));
}

function slimFunction(definition) {
  if (/traced_save/.test(text(definition, 1, 1))) return undefined;
  return replacing(without(definition, [5, 6, 7]), 3, slimNode);
}

function slimGraph(graph) {
  return replacing(replacing(graph, 1, slimNode), 2, (library) => replacing(library, 1, slimFunction));
}

/**
 * Returns the model without unused parts: the list of ops and the functions for saving. Small inputs run more often.
 */
function slim(savedModel) {
  return replacing(savedModel, 2, (meta) =>
    replacing(
      replacing(meta, 1, (info) => without(info, [2])),
      2,
      slimGraph,
    ),
  );
}

/** Returns the slim graph, or undefined if the file is no binary graph: a fixture may be one that loading refuses. */
function slimFrozen(bytes) {
  try {
    return slimGraph(bytes);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function savedModels() {
  return readdirSync(FIXTURES, { recursive: true })
    .filter((name) => path.basename(name) === 'saved_model.pb')
    .map((name) => path.dirname(name))
    .sort();
}

function frozenGraphs() {
  return readdirSync(FIXTURES, { recursive: true })
    .filter((name) => name.endsWith('.pb') && !/saved_model|metadata/.test(name))
    .sort();
}

/** Returns the seeds of each target by name. */
function seeds() {
  const made = {
    saved_model: {},
    frozen_graph: {},
    inline: {},
    keras_metadata: {},
    checkpoint: {},
    worker_identity: {},
  };
  for (const model of savedModels()) {
    const name = model.replaceAll(path.sep, '-');
    const files = FILES.map((file) => path.join(FIXTURES, model, file));
    const present = files.map((file) => (existsSync(file) ? readFileSync(file) : undefined));
    present[0] = slim(present[0]);
    const container = present.flatMap((bytes, i) => (bytes === undefined ? [] : [bytesField(i + 1, bytes)]));
    made.saved_model[name] = Buffer.concat(container);
    for (const graph of valuesAt(present[0], 2, 2)) made.inline[name] = graph;
    if (present[1]) made.keras_metadata[name] = present[1];
    if (present[2] === undefined || !isTable(present[2])) continue;
    const entries = tableEntries(present[2]).map(([key, value]) =>
      bytesField(1, Buffer.concat([bytesField(1, key), bytesField(2, value)])),
    );
    made.checkpoint[name] = Buffer.concat([...entries, bytesField(2, present[3])]);
  }
  for (const graph of frozenGraphs()) {
    const name = graph.replaceAll(path.sep, '-');
    const slimmed = slimFrozen(readFileSync(path.join(FIXTURES, graph)));
    if (slimmed === undefined) continue;
    made.frozen_graph[name] = slimmed;
    made.inline[name] = slimmed;
  }
  made.worker_identity.plain = Buffer.from(JSON.stringify(IDENTITY));
  made.worker_identity.escaped = Buffer.from('{"package":"\\u0030\\ud83d\\ude00","devices":[],"threads":-1}');
  return made;
}

/** Returns the ops that models use or may use, and the names of their attributes. */
function words(graphs) {
  const found = new Set();
  for (const graph of graphs) {
    const nodes = [...valuesAt(graph, 1), ...valuesAt(graph, 2, 1, 3)];
    for (const node of nodes) {
      for (const name of [...valuesAt(node, 2), ...valuesAt(node, 5, 1)]) found.add(name.toString('latin1'));
    }
  }
  const table = readFileSync(path.join(ROOT, 'native', 'ir', 'op_traits.inc'), 'utf8');
  for (const [, op] of table.matchAll(/"([A-Z]\w+)"/g)) found.add(op);
  for (const word of [
    'inbound_nodes',
    'input_layers',
    'output_layers',
    'class_name',
    'config',
    'layers',
    'name',
    'package',
    'tensorflow',
    'threads',
    'devices',
    '/device:',
    '_gradient_op_type',
    'root.layer-0',
    'VarHandleOp',
  ]) {
    found.add(word);
  }
  return [...found].filter((word) => /^[\w./:-]{1,60}$/.test(word)).sort();
}

/** Writes the seeds to `folder`, one folder per target, and a dictionary. Returns the path of the dictionary. */
export function writeSeeds(folder) {
  const made = seeds();
  for (const [target, files] of Object.entries(made)) {
    rmSync(path.join(folder, target), { recursive: true, force: true });
    mkdirSync(path.join(folder, target), { recursive: true });
    for (const [name, bytes] of Object.entries(files)) {
      if (bytes.length <= LARGEST) writeFileSync(path.join(folder, target, name), bytes);
    }
  }
  const dictionary = path.join(folder, 'words.dict');
  writeFileSync(
    dictionary,
    words(Object.values(made.inline))
      .map((word) => `"${word}"\n`)
      .join(''),
  );
  return dictionary;
}
