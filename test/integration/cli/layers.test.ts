import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { factsOf } from '../../../lib/cli/layers/facts.js';
import { layersTable, summaryLines } from '../../../lib/cli/layers/table.js';
import * as ke from '../../../lib/index.js';
import { cli, DEMO, inProcess, ROOT } from '../helpers/cli_process.js';

const FIXTURES = join(ROOT, 'test', 'fixtures');

/** Every model among the fixtures. */
const MODELS = [
  ...readdirSync(join(FIXTURES, 'models')).map((name) => join('models', name)),
  ...readdirSync(join(FIXTURES, 'tiny')).map((name) => join('tiny', name)),
].map((name) => {
  const [inside] = ['model', 'model.pb'].filter((file) => existsSync(join(FIXTURES, name, file)));
  return inside === undefined ? name : join(name, inside);
});

describe('layers', () => {
  test('the demo: the table, what is exposed by default, and the same as JSON', async () => {
    const [table, json] = [
      await cli('layers', '--model', `${DEMO}/model`),
      await inProcess('layers', '--model', `${DEMO}/model`, '--json'),
    ];
    expect([table.err, json.err]).toEqual(['', '']);
    expect([table.code, json.code]).toEqual([0, 0]);
    const lines = table.out.trimEnd().split('\n');
    const row = (name: string) => lines.find((line) => line.startsWith(`│ ${name} (`));
    expect(row('block5_relu')).toMatch(
      /^│ block5_relu \(ReLU\) +│ \(None, 12, 12, 96\) +│ +0 │ \S+ +│ activations +│$/,
    );
    expect(row('pool')).toMatch(/│ block5_relu +│ pooling +│$/);
    expect(row('logits')).toMatch(/│ +970 │ .*│ logits +│$/);
    expect(lines.at(-2)).toBe('Total params: 146,170 (585 kB) in 19 layers');
    expect(lines.at(-1)).toMatch(
      /^Exposed by default: .* \(None, 10\), explained by .* \(None, 12, 12, 96\)$/,
    );

    const facts = JSON.parse(json.out);
    expect(facts.layers).toHaveLength(19);
    expect(facts).toMatchObject({ parameters: 146170, bytes: 4 * 146170, outputs: [{ shape: [null, 10] }] });
    expect(facts.exposed.activations.shape).toEqual([null, 12, 12, 96]);
    expect(facts.layers.filter(({ marks }: { marks: string[] }) => marks.length > 0)).toHaveLength(3);
  });

  test('a filter, and one that finds nothing', async () => {
    const found = await inProcess('layers', '--model', `${DEMO}/model`, '--filter', 'BatchNorm', '--json');
    const { layers, parameters } = JSON.parse(found.out);
    expect(layers.map(({ type }: { type: string }) => type)).toEqual(
      new Array(layers.length).fill('BatchNormalization'),
    );
    expect(parameters).toBe(146170);
    const none = await inProcess('layers', '--model', `${DEMO}/model`, '--filter', 'block5_rellu');
    expect(none.code).toBe(2);
    expect(none.err).toContain("Did you mean 'block5_relu'");
  });

  test.each(MODELS)('%s is shown whole', async (name) => {
    using model = await ke.loadModel(join(FIXTURES, name));
    const facts = factsOf(model);
    const out = { isTTY: false, columns: 0, writable: true } as unknown as NodeJS.WriteStream;
    const stream = Object.assign(Object.create(process.stdout), out) as NodeJS.WriteStream;
    const table = layersTable(stream, facts.layers);
    expect(table.split('\n')).toHaveLength(facts.layers.length + 4);
    for (const layer of facts.layers) expect(table).toContain(`${layer.name} (${layer.type})`);
    const own = facts.layers.filter(({ path }) => path.length === 1);
    const sum = own.reduce((total, { parameters }) => total + parameters, 0);
    // What no layer holds (a variable of a plain tf.Module) is in the total only.
    expect(sum).toBeLessThanOrEqual(facts.parameters);
    expect(summaryLines(facts, facts.layers.length)).toHaveLength(2);
    const marks = facts.layers.flatMap((layer) => layer.marks);
    if ('refused' in facts.exposed) expect(facts.exposed.refused).toMatch(/no layer/);
    // The tensors of a graph without layers are exposed by their names there.
    else if (name === 'tiny/frozen.pb') expect([facts.exposed.logits.name, marks]).toEqual(['logits:0', []]);
    else expect(marks).toEqual(expect.arrayContaining(['logits', 'pooling']));
  });

  test('connections are those of the model: shared layers, nested ones, layers that do nothing', async () => {
    const connections = async (name: string) => {
      using model = await ke.loadModel(join(FIXTURES, 'models', name, 'model'));
      return Object.fromEntries(
        factsOf(model).layers.map((layer) => [layer.path.join('/'), layer.connectedTo]),
      );
    };
    const shared = await connections('keras3-shared');
    expect(shared.encoder).toEqual(['right', 'left']);
    expect(shared['encoder/relu']).toEqual(['conv']);
    expect(shared.both).toEqual(['tanh']);
    const nested = await connections('keras2-nested');
    expect(nested.inner).toEqual(['drop']);
    expect(nested['inner/dw']).toEqual(['ic']);
    expect(nested.residual).toEqual(['tokens', 'attention']);
  });
});
