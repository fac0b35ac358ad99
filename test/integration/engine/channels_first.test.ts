/** Networks that are channels first: `first` computes what `last` computes for the transposed input. */
import { describe, expect, it, test } from 'vitest';
import * as ke from '../../../lib/index.js';
import { expectClose, inputOf, load, networkOf, raw } from './ranks_fixture.js';

const { cams, gradient, meta } = ke.methods;

/** (N, C, H, W) as (N, H, W, C). */
function transposed({ shape, data }: ke.Tensor): ke.Tensor {
  const [n, c, h, w] = shape as [number, number, number, number];
  const turned = Float32Array.from({ length: data.length }, (_, i) => {
    const [channel, column, row, sample] = [
      i % c,
      Math.floor(i / c) % w,
      Math.floor(i / c / w) % h,
      Math.floor(i / c / w / h),
    ];
    return Number(data[((sample * c + channel) * h + row) * w + column]);
  });
  return ke.tensor(turned, [n, h, w, c]);
}

describe.each(['first', 'first_outside', 'first_volume'])('%s', (name) => {
  const { units, gradients, gradcam } = networkOf(name);

  it.each<[string, readonly number[] | undefined]>([
    ['is noticed', undefined],
    [
      'is told by positive axes',
      networkOf(name)
        .x.shape.slice(2)
        .map((_, i) => i + 2),
    ],
    [
      'is told by negative axes',
      networkOf(name)
        .x.shape.slice(2)
        .map((_, i, { length }) => i - length),
    ],
  ])('%s: gradients are those of GradientTape', async (_, spatialAxis) => {
    using model = await load(name);
    const { maps } = await ke.explain(gradient.gradients, model, inputOf(name), units, {
      ...raw,
      spatialAxis,
    });
    expectClose(maps, gradients);
  });

  it('Grad-CAM has the axes of the activations, whichever they are', async () => {
    using model = await load(name);
    const axes = networkOf(name)
      .x.shape.slice(2)
      .map((_, i) => i + 2);
    for (const spatialAxis of [undefined, axes]) {
      const small = await ke.explain(cams.gradcam, model, inputOf(name), units, { ...raw, spatialAxis });
      expectClose(small.maps, gradcam);
    }
    const { maps } = await ke.explain(cams.gradcam, model, inputOf(name), units, { verbose: 0 });
    expect(maps.shape).toEqual([2, ...networkOf(name).x.shape.slice(2), 2]);
  });
});

test.each([
  ...cams.METHODS.filter((method) => method !== cams.cam),
  ...gradient.METHODS,
  meta.smooth(gradient.gradients, { repetitions: 2, noise: 0 }),
  meta.tta(cams.gradcam, { scales: [1.5] }),
  meta.tta(gradient.gradients, { scales: [0.5] }),
] as ke.Method[])('$name: maps are those of the network with channels last', async (method) => {
  using first = await load('first');
  using last = await load('last');
  const x = inputOf('first');
  const { units } = networkOf('first');
  for (const spatialAxis of [undefined, [2, 3]]) {
    const options = { verbose: 0, postprocessing: ke.filters.absoluteNormalize } as const;
    const expected = await ke.explain(method, last, transposed(x), units, options);
    const received = await ke.explain(method, first, x, units, { ...options, spatialAxis });
    expectClose(received.logits, expected.logits);
    expectClose(received.maps, expected.maps);
  }
});

it('axes that leave two axes for the channels are refused, with those that fit', async () => {
  using model = await load('first');
  const refused = ke.explain(gradient.gradients, model, inputOf('first'), null, { ...raw, spatialAxis: [2] });
  await expect(refused).rejects.toThrow('Set `spatialAxis` to');
});
