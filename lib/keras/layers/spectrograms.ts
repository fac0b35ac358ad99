/** Keras 3's spectrograms of audio. */
import { constant, type Operand, op } from '../../graph/operand.js';
import {
  abs,
  add,
  atan2,
  divide,
  floormod,
  log,
  maximum,
  minimum,
  multiply,
  pow,
  sqrt,
  square,
  subtract,
} from '../../graph/ops/arithmetic.js';
import { cast, concat, expandDims, linspace, pad, range, transpose } from '../../graph/ops/array.js';
import { gather, slice, stridedSlice } from '../../graph/ops/indexing.js';
import { matmul } from '../../graph/ops/math.js';
import { reduceMax } from '../../graph/ops/reduction.js';
import type { Symbolic } from '../../graph/symbolic.js';
import type { Config } from '../config.js';
import type { LayerKind, LayerParts } from '../layer_kind.js';
import { convolve } from './convolution.js';
import { vectorOf } from './number_lists.js';
import { isChannelsFirst, ofOneInput, positiveInteger, weightOf } from './options.js';
import { minus, plus, quotient, reshapeTo, type Size, sizesOf, times } from './sizes.js';

const MODES = ['log', 'magnitude', 'psd', 'real', 'imag', 'angle', 'stft'] as const;
const EPSILON = 1e-7;

/** Keras' `STFTSpectrogram`: a convolution of each channel (N, T, C) with stored cosines and sines. */
const stftSpectrogram: LayerKind = {
  names: ['STFTSpectrogram'],
  variables(config) {
    const mode = config.oneOf('mode', MODES, 'log');
    return [
      ...(mode === 'imag' ? [] : [{ name: 'real_kernel' }]),
      ...(mode === 'real' ? [] : [{ name: 'imag_kernel' }]),
    ];
  },
  build(parts) {
    const { config } = parts;
    const mode = config.oneOf('mode', MODES, 'log');
    const kernel = (name: string) => weightOf(parts, name, 3);
    const real = mode === 'imag' ? null : kernel('real_kernel');
    const imaginary = mode === 'real' ? null : kernel('imag_kernel');
    const length = positiveInteger(config, 'frame_length', 256);
    const geometry = {
      strides: [config.has('frame_step') ? positiveInteger(config, 'frame_step') : Math.max(length >> 1, 1)],
      dilation: [1],
      padding: config.oneOf('padding', ['valid', 'same'] as const, 'valid'),
    };
    const isFirst = isChannelsFirst(config);
    const expands = config.boolean('expand_dims', false);
    return ofOneInput(parts, (x) => {
      // (N, C, T)
      const channels = isFirst ? x : transpose(x, [0, 2, 1]);
      const [batch, count, time] = sizesOf(channels) as [Size, Size, Size];
      const signals = reshapeTo(channels, [times(batch, count), time, 1]);
      /** (N, C, frames, frequencies) */
      const spectrum = (weights: Symbolic): Symbolic => {
        const frames = convolve(signals, weights, geometry);
        return reshapeTo(frames, [batch, count, sizesOf(frames)[1] as Size, weights.shape?.[2] as number]);
      };
      const result = combined(mode, real && spectrum(real), imaginary && spectrum(imaginary));
      return arranged(result, isFirst, expands);
    });
  },
};

function combined(mode: (typeof MODES)[number], real: Symbolic | null, imaginary: Symbolic | null): Symbolic {
  if (real === null || imaginary === null) return (real ?? imaginary) as Symbolic;
  if (mode === 'angle') return atan2(imaginary, real);
  if (mode === 'stft') return concat([real, imaginary], -1);
  const power = add(square(real), square(imaginary));
  if (mode === 'psd') {
    // All frequencies but the first and the last stand for two.
    const inner = stridedSlice(power, [0, 0, 0, 1], [0, 0, 0, -1], { beginMask: 7, endMask: 7 });
    return add(
      power,
      pad(inner, [
        [0, 0],
        [0, 0],
        [0, 0],
        [1, 1],
      ]),
    );
  }
  const magnitude = sqrt(maximum(power, EPSILON));
  return mode === 'magnitude' ? magnitude : log(maximum(magnitude, EPSILON));
}

/** Returns (N, C, frames, frequencies) in the layout of the layer's output. */
function arranged(x: Symbolic, isFirst: boolean, expands: boolean): Symbolic {
  if (expands) return isFirst ? x : transpose(x, [0, 2, 3, 1]);
  const [batch, channels, frames, frequencies] = sizesOf(x) as [Size, Size, Size, Size];
  const rows = times(channels, frequencies);
  if (isFirst) return reshapeTo(transpose(x, [0, 1, 3, 2]), [batch, rows, frames]);
  return reshapeTo(transpose(x, [0, 2, 1, 3]), [batch, frames, rows]);
}

/** Returns the frames (..., frames, length) of x (..., T): one frame at each multiple of `stride`. */
function framed(x: Symbolic, length: number, stride: number): Symbolic {
  const time = sizesOf(x).at(-1) as Size;
  const count = plus(quotient(minus(time, length), stride), 1);
  const begins = expandDims(multiply(range(count), stride), 1);
  return gather(x, add(begins, expandDims(range(length), 0)), { axis: x.rank - 1 });
}

/** Returns a window of `length` elements, or null for none. */
function windowOf(config: Config, length: number, dtype: LayerParts['dtype']): Symbolic | null {
  const window = config.get('window') ?? null;
  if (window === null) return null;
  if (typeof window !== 'string') {
    const values = vectorOf(config, 'window') as number[];
    return values.length === length ? constant(values, dtype) : config.fail('window', `${length} numbers`);
  }
  const shape = { hann: [0.5, 0.5], hamming: [0.54, 0.46] }[window];
  if (shape === undefined) return config.fail('window', 'hann or hamming');
  const [offset, amplitude] = shape as [number, number];
  const angles = multiply(range(0, length, 1, dtype), (2 * Math.PI) / length);
  return subtract(offset, multiply(op('Cos', [angles]), amplitude));
}

/** Returns the magnitudes (..., frames, fftLength / 2 + 1) of the spectrum of x (..., T), frames centred. */
function magnitudes(x: Symbolic, window: Symbolic | null, fftLength: number, stride: number): Symbolic {
  const half = fftLength >> 1;
  const none = [0, 0] as const;
  const around = [...new Array<typeof none>(x.rank - 1).fill(none), [half, half] as const];
  const frames = framed(pad(x, around, { mode: 'reflect' }), fftLength, stride);
  const weighted = window === null ? frames : multiply(frames, window);
  const angles = fourierAngles(fftLength);
  const [real, imaginary] = ['Cos', 'Sin'].map((type) => matmul(weighted, op(type, [angles])));
  return sqrt(add(square(real as Symbolic), square(imaginary as Symbolic)));
}

/**
 * Returns the angle of each frequency at each element of a frame: (length, length / 2 + 1), from 0 to 2π. Products of
 * matrices stand for the transform, because recordings have no complex tensors.
 */
function fourierAngles(length: number): Symbolic {
  const times = expandDims(range(0, length, 1, 'int64'), 1);
  const turns = floormod(multiply(times, range(0, (length >> 1) + 1, 1, 'int64')), length);
  return multiply(cast(turns, 'float32'), (2 * Math.PI) / length);
}

const MEL_BREAK = 700;
const MEL_Q = 1127;
const toMel = (frequencies: Operand): Symbolic =>
  multiply(log(add(divide(frequencies, MEL_BREAK), 1)), MEL_Q);

/** Returns the triangles (bins, bands) that sum the bins of a spectrum to bands that are even on the mel scale. */
function melTriangles(config: Config, bins: number, dtype: LayerParts['dtype']): Symbolic {
  const rate = positiveInteger(config, 'sampling_rate', 16_000);
  const bands = positiveInteger(config, 'num_mel_bins', 128);
  const number = (value: number) => constant(value, dtype);
  const most = config.has('max_freq') ? config.number('max_freq') : Math.trunc(rate / 2);
  const frequencies = slice(linspace(number(0), number(rate / 2), bins), [1], [-1]);
  const mels = expandDims(toMel(frequencies), 1);
  const least = toMel(number(config.number('min_freq', 20)));
  const edges = linspace(least, toMel(number(most)), bands + 2);
  const [lower, center, upper] = [0, 1, 2].map((i) => slice(edges, [i], [bands])) as [
    Symbolic,
    Symbolic,
    Symbolic,
  ];
  const rising = divide(subtract(mels, lower), subtract(center, lower));
  const falling = divide(subtract(upper, mels), subtract(upper, center));
  return pad(maximum(minimum(rising, falling), 0), [
    [1, 0],
    [0, 0],
  ]);
}

const log10 = (x: Operand): Symbolic => divide(log(x), Math.LN10);

/** Keras' `MelSpectrogram` of audio (N, T): bands (N, bands, frames). */
const melSpectrogram: LayerKind = {
  names: ['MelSpectrogram'],
  build(parts) {
    const { config } = parts;
    const fftLength = positiveInteger(config, 'fft_length', 2048);
    const stride = positiveInteger(config, 'sequence_stride', 512);
    const length = config.has('sequence_length') ? positiveInteger(config, 'sequence_length') : fftLength;
    if (length > fftLength) config.fail('sequence_length', 'at most `fft_length`');
    const exponent = config.number('mag_exp', 2);
    const [leastPower, reference] = [config.number('min_power', 1e-10), config.number('ref_power', 1)];
    const topDb = config.number('top_db', 80);
    const isDb = config.boolean('power_to_db', true);
    return ofOneInput(parts, (input) => {
      if (parts.dtype === 'float64') config.refuse('it computes in float64');
      const x = cast(input, 'float32');
      const window = windowOf(config, length, x.dtype);
      const before = (fftLength - length) >> 1;
      const centred = window && pad(window, [[before, fftLength - length - before]]);
      const powers = pow(magnitudes(x, centred, fftLength, stride), exponent);
      let bands = matmul(powers, melTriangles(config, (fftLength >> 1) + 1, x.dtype));
      if (isDb) {
        const scale = multiply(log10(maximum(abs(constant(reference, x.dtype)), leastPower)), 10);
        const decibels = subtract(multiply(log10(maximum(bands, leastPower)), 10), scale);
        // As in Keras, the loudest band of the whole batch is the reference.
        bands = maximum(decibels, subtract(reduceMax(decibels), topDb));
      }
      const order = Array.from({ length: bands.rank }, (_, i) => i);
      return cast(transpose(bands, [...order.slice(0, -2), bands.rank - 1, bands.rank - 2]), parts.dtype);
    });
  },
};

export const SPECTROGRAM_LAYERS: readonly LayerKind[] = [stftSpectrogram, melSpectrogram];
