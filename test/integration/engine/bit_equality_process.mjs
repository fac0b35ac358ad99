/**
 * Prints what every method gives, as SHA-256 sums by configuration and method, each computed `times` times in this
 * process: node bit_equality_process.mjs <times> [configuration ...]. For bit_equality.test.ts.
 */
import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';

const root = new URL('../../../', import.meta.url);
const ke = await import(new URL('dist/index.js', root).href);
const { cams, gradient, meta } = ke.methods;
const times = Number(process.argv[2]);

const METHODS = [
  ...cams.METHODS,
  ...gradient.METHODS,
  meta.smooth(gradient.gradients, { repetitions: 3 }),
  meta.tta(cams.gradcam, { scales: [1.5] }),
];

/** Convolutions, depthwise ones and batch norms of float32, 96 x 96; and a network that computes for microseconds. */
const DEMO = 'demo/model';
const TINY = 'test/fixtures/tiny/saved_model';
const CONFIGURATIONS = {
  'two replicas': { path: DEMO, load: { threads: { interOp: 2 } } },
  // In a process of its own: the first session's threads are those of all.
  'ops of two threads': { path: DEMO, load: { threads: { interOp: 1, intraOp: 2 } } },
  'a lone sample': { path: DEMO, load: { threads: { interOp: 2 } }, samples: 1 },
  bfloat16: { path: DEMO, load: { threads: { interOp: 2 }, precision: 'bfloat16' } },
  mirrored: {
    path: DEMO,
    load: { strategy: ke.distribute.mirrored({ devices: ['CPU:0'], replicasPerDevice: 2 }) },
  },
  // The JavaScript thread takes over after eight short runs: all these are one sum.
  brief: { path: TINY, load: { threads: { interOp: 1 } }, size: [2, 2, 2], repeats: 40 },
};

/** Numbers that any process makes alike. */
const input = (n, [h, w, c]) =>
  ke.tensor(
    Float32Array.from({ length: n * h * w * c }, (_, i) => ((i * 2654435761) % 4096) / 16),
    [n, h, w, c],
  );

const only = process.argv.slice(3);
for (const [name, { path, load, samples = 5, size = [96, 96, 3], repeats = 1 }] of Object.entries(
  CONFIGURATIONS,
)) {
  if (only.length > 0 && !only.includes(name)) continue;
  const model = await ke.loadModel(fileURLToPath(new URL(path, root)), load);
  const exposed = ke.inspection.expose(model);
  const y = Array.from({ length: samples }, (_, i) => [i % 3, (i + 1) % 3]);
  const x = input(samples, size);
  for (const method of METHODS) {
    const sums = new Set();
    for (let i = 0; i < times * repeats; i++) {
      const { logits, maps } = await ke.explain(method, exposed, x, y, { batchSize: 3, verbose: 0 });
      const hash = createHash('sha256');
      for (const { data } of [logits, maps])
        hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
      sums.add(hash.digest('hex'));
    }
    console.log(JSON.stringify({ key: `${name}: ${method.name}`, sums: [...sums] }));
  }
  model.close();
}
