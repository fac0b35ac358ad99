/** Keras' layers that prepare numbers and categories: normalisation, buckets, hashes and encodings. */
import { op } from '../../graph/operand.js';
import {
  add,
  divide,
  floormod,
  maximum,
  minimum,
  multiply,
  sqrt,
  subtract,
} from '../../graph/ops/arithmetic.js';
import { cast, constant, expandDims, range, reshape, squeeze, zerosLike } from '../../graph/ops/array.js';
import { equal, where } from '../../graph/ops/comparison.js';
import { gather, oneHot } from '../../graph/ops/indexing.js';
import { reduceMax, reduceSum } from '../../graph/ops/reduction.js';
import { positiveAxis, Symbolic } from '../../graph/symbolic.js';
import { Trace } from '../../graph/trace.js';
import { ModelError } from '../../support/errors.js';
import { isFloating } from '../../tensor/dtype.js';
import { type Config, isList } from '../config.js';
import type { LayerKind, LayerParts } from '../layer_kind.js';
import { numbersOf, vectorOf } from './number_lists.js';
import {
  axesOf,
  ofOneInput,
  passSinceKeras3,
  positiveInteger,
  weightOf,
  withCurrentNames,
} from './options.js';
import { reshapeTo, sizesOf } from './sizes.js';

/** Keras' `Normalization`: (x - mean) / sqrt(variance), with statistics of the config or of `adapt()`. */
const normalization: LayerKind = {
  names: ['Normalization'],
  variables: (config) =>
    config.has('mean') ? [] : ['mean', 'variance', 'count'].map((name) => ({ name, trainable: false })),
  build(parts) {
    const { config, dtype } = parts;
    const axes = config.entries.axis === null ? [] : axesOf(config, 'axis', -1);
    const given = ['mean', 'variance'].map((name) => numbersOf(config, name));
    const statistics = given.map((numbers, i) =>
      numbers === null ? weightOf(parts, ['mean', 'variance'][i] as string) : constant(numbers, dtype),
    );
    const inverts = config.boolean('invert', false);
    return ofOneInput(parts, (input) => {
      const x = cast(input, dtype);
      const kept = axes.map((axis) => positiveAxis(axis, x.rank)).sort((a, b) => a - b);
      const [mean, variance] = statistics.map((value) => overAxes(cast(value, dtype), kept, x, config));
      const deviation = maximum(sqrt(variance as Symbolic), 1e-7);
      return inverts
        ? add(mean as Symbolic, multiply(x, deviation))
        : divide(subtract(x, mean as Symbolic), deviation);
    });
  },
  mask: passSinceKeras3,
  keepsDtypes: true,
};

/** Returns statistics whose axes are the last of `kept`, in a shape that broadcasts with x. */
function overAxes(value: Symbolic, kept: readonly number[], x: Symbolic, config: Config): Symbolic {
  if (value.rank > kept.length) {
    throw new ModelError(
      'DATA_LOSS',
      `The statistics of ${config.owner} have more axes than \`axis\` names.`,
    );
  }
  const sizes = new Array<number>(x.rank).fill(1);
  kept.slice(kept.length - value.rank).forEach((axis, i) => {
    sizes[axis] = value.shape?.[i] as number;
  });
  return reshape(value, sizes);
}

const OUTPUT_MODES = ['int', 'one_hot', 'multi_hot', 'count'] as const;
type OutputMode = (typeof OUTPUT_MODES)[number];

function outputMode(config: Config, fallback: OutputMode): OutputMode {
  if (config.boolean('sparse', false)) config.refuse('its output is sparse');
  const mode = config.oneOf('output_mode', [...OUTPUT_MODES, 'binary', 'tf_idf'] as const, fallback);
  if (mode === 'tf_idf') return config.refuse("its output mode is 'tf_idf'");
  return mode === 'binary' ? 'multi_hot' : mode;
}

/** Returns indices (N, ..., T) as numbers, or encoded over `depth` categories. */
function encoded(
  indices: Symbolic,
  mode: OutputMode,
  depth: number,
  dtype: LayerParts['dtype'],
  weights: Symbolic | null = null,
): Symbolic {
  if (mode === 'int') return cast(indices, dtype);
  if (mode === 'one_hot') {
    const isColumn = indices.rank > 1 && indices.shape?.at(-1) === 1;
    return oneHot(asIndices(isColumn ? squeeze(indices, -1) : indices), depth, dtype);
  }
  const each = oneHot(asIndices(indices.rank > 1 ? indices : expandDims(indices, -1)), depth, dtype);
  if (mode === 'multi_hot') return reduceMax(each, -2);
  return reduceSum(weights === null ? each : multiply(each, expandDims(cast(weights, dtype), -1)), -2);
}

const asIndices = (x: Symbolic): Symbolic =>
  x.dtype === 'int32' || x.dtype === 'int64' ? x : cast(x, 'int64');

const categoryEncoding: LayerKind = {
  names: ['CategoryEncoding'],
  build(parts) {
    const config = withCurrentNames(parts.config, { num_tokens: 'max_tokens' });
    const depth = positiveInteger(config, 'num_tokens');
    const mode = outputMode(config, 'multi_hot');
    return ofOneInput(parts, (x, { args, kwargs }) => {
      const weights = kwargs.count_weights ?? args[1];
      const ids = asIndices(x);
      // Keras 2 refuses an id that is no category. So does an index outside of a table.
      const checked = parts.kerasVersion < 3 ? gather(range(depth), ids) : ids;
      return encoded(checked, mode, depth, parts.dtype, weights instanceof Symbolic ? weights : null);
    });
  },
  keepsDtypes: true,
};

/** Returns the number of the bucket of each element. */
const bucketize = (x: Symbolic, boundaries: readonly number[]): Symbolic => {
  const known = ['int32', 'int64', 'float32', 'float64'].includes(x.dtype);
  const wide = known ? x : cast(x, isFloating(x.dtype) ? 'float32' : 'int32');
  return op('Bucketize', [wide], { boundaries: { floats: boundaries } });
};

const discretization: LayerKind = {
  names: ['Discretization'],
  build(parts) {
    const { config } = parts;
    const boundaries =
      vectorOf(config, 'bin_boundaries') ??
      vectorOf(config, 'bins') ??
      config.refuse('its boundaries were learned by `adapt()`', 'Create the layer with `bin_boundaries`.');
    const mode = outputMode(config, 'int');
    const dtype = mode === 'int' && parts.kerasVersion >= 3 ? 'int32' : parts.dtype;
    return ofOneInput(parts, (x) => encoded(bucketize(x, boundaries), mode, boundaries.length + 1, dtype));
  },
  keepsDtypes: true,
};

/** Returns the two integers of the key of a strong hash, or null for a hash without a key. */
function saltOf(config: Config): [number, number] | null {
  const salt = config.get('salt');
  if (salt === undefined) return null;
  const pair = isList(salt) ? salt : [salt, salt];
  const isPair = pair.length === 2 && pair.every((each) => Number.isSafeInteger(each));
  return isPair ? (pair as [number, number]) : config.fail('salt', 'an integer or two integers');
}

/** Keras' `Hashing` of integers. A number is hashed as its decimal digits. */
const hashing: LayerKind = {
  names: ['Hashing'],
  build(parts) {
    const { config } = parts;
    const bins = positiveInteger(config, 'num_bins');
    const mode = outputMode(config, 'int');
    const salt = saltOf(config);
    const masked = config.get('mask_value');
    if (masked !== undefined && typeof masked !== 'number') config.refuse('its `mask_value` is a text');
    const reserved = masked !== undefined && bins > 1;
    return ofOneInput(parts, (x) => {
      const whole = isFloating(x.dtype) ? cast(x, 'int64') : x;
      const buckets = { num_buckets: { int: reserved ? bins - 1 : bins } };
      const texts = op('AsString', [whole]);
      const hashed =
        salt === null
          ? op('StringToHashBucketFast', [texts], buckets)
          : op('StringToHashBucketStrong', [texts], { ...buckets, key: { ints: salt } });
      const isMasked = reserved ? equal(x, masked as number) : null;
      const indices = isMasked === null ? hashed : where(isMasked, zerosLike(hashed), add(hashed, 1));
      return encoded(indices, mode, bins, parts.dtype);
    });
  },
  keepsDtypes: true,
};

/** TensorFlow's default key of crossed hashes. */
const CROSS_KEY = 0xdecafcaffe;

/** Keras' `HashedCrossing` of integers (N, 1). */
const hashedCrossing: LayerKind = {
  names: ['HashedCrossing'],
  build(parts) {
    const { config } = parts;
    const bins = positiveInteger(config, 'num_bins');
    const mode = outputMode(config, 'int');
    return (inputs) => {
      const columns = inputs.map((x) => cast(x.rank < 2 ? expandDims(x, -1) : x, 'int64'));
      if (columns.length < 2 || columns.some((x) => x.rank !== 2)) {
        throw new ModelError('DATA_LOSS', `Expected two inputs (N, 1) for ${config.owner}.`);
      }
      const [indices, values, shape] = Trace.current().op('SparseCross', [[], [], [], columns], {
        hashed_output: true,
        num_buckets: { int: bins },
        hash_key: { int: CROSS_KEY },
        out_type: { dtype: 'int64' },
        internal_type: { dtype: 'int64' },
      }) as [Symbolic, Symbolic, Symbolic];
      const dense = op('SparseToDense', [indices, shape, values, constant(0, 'int64')]);
      return encoded(reshapeTo(dense, sizesOf(columns[0] as Symbolic)), mode, bins, parts.dtype);
    };
  },
  keepsDtypes: true,
};

/** The numbers that an IntegerLookup gives to its vocabulary and to other integers. */
interface Vocabulary {
  /** In ascending order. */
  readonly keys: readonly number[];
  /** The number of each key. */
  readonly numbers: readonly number[];
  readonly mask: number | null;
  readonly outOfVocabulary: number;
  readonly depth: number;
}

function vocabularyOf(config: Config, mode: OutputMode): Vocabulary {
  const given =
    vectorOf(config, 'vocabulary') ??
    config.refuse('its vocabulary was learned by `adapt()`', 'Create the layer with `vocabulary`.');
  const mask = withCurrentNames(config, { mask_token: 'mask_value' });
  const outOfVocabulary = config.integer('num_oov_indices', 1);
  if (outOfVocabulary < 0 || outOfVocabulary > 1e6)
    config.fail('num_oov_indices', 'a small integer of at least 0');
  const maskToken = mask.has('mask_token') ? mask.integer('mask_token') : null;
  const unknown = withCurrentNames(config, { oov_token: 'oov_value' }).integer('oov_token', -1);
  const reserved = maskToken !== null && mode === 'int' ? 1 : 0;
  const special = [
    ...(reserved === 1 ? [maskToken] : []),
    ...new Array<number>(outOfVocabulary).fill(unknown),
  ];
  const isListed = special.length > 0 && special.every((token, i) => given[i] === token);
  const tokens = isListed ? given.slice(special.length) : given;
  if (tokens.length === 0 || !tokens.every(Number.isSafeInteger)) config.fail('vocabulary', 'integers');
  if (new Set(tokens).size !== tokens.length) config.fail('vocabulary', 'different integers');
  const order = tokens.map((_, i) => i).sort((a, b) => (tokens[a] as number) - (tokens[b] as number));
  const total = tokens.length + special.length;
  const padded = config.boolean('pad_to_max_tokens', false) && config.has('max_tokens');
  return {
    keys: order.map((i) => tokens[i] as number),
    numbers: order.map((i) => i + special.length),
    mask: maskToken,
    outOfVocabulary,
    depth: padded ? positiveInteger(config, 'max_tokens') : total,
  };
}

/** Returns the number of each integer of x, by a binary search in the vocabulary. */
function lookUp(x: Symbolic, vocabulary: Vocabulary, reserved: number): Symbolic {
  const { keys, numbers, outOfVocabulary, depth } = vocabulary;
  const sorted = constant(BigInt64Array.from(keys, BigInt));
  const places = [reshape(sorted, [1, -1]), reshape(x, [1, -1])];
  const found = op('LowerBound', places, { out_type: { dtype: 'int32' } });
  const at = minimum(reshapeTo(found, sizesOf(x)), keys.length - 1);
  const isKnown = equal(gather(sorted, at), x);
  const number = gather(constant(BigInt64Array.from(numbers, BigInt)), at);
  if (outOfVocabulary === 0) {
    // A run with an unknown integer fails, as in Keras: the index -1 is outside of the table.
    return gather(range(0, depth, 1, 'int64'), where(isKnown, number, -1));
  }
  const others = outOfVocabulary > 1 ? floormod(x, outOfVocabulary) : zerosLike(x);
  return where(isKnown, number, add(others, reserved));
}

const integerLookup: LayerKind = {
  names: ['IntegerLookup'],
  build(parts) {
    const { config } = parts;
    if (config.boolean('invert', false)) config.refuse('it is inverted');
    if (config.string('oov_method', 'floormod') === 'farmhash')
      config.refuse("its `oov_method` is 'farmhash'");
    const mode = outputMode(config, 'int');
    const vocabulary = vocabularyOf(config, mode);
    const reserved = vocabulary.mask !== null && mode === 'int' ? 1 : 0;
    return ofOneInput(parts, (input) => {
      const x = cast(input, 'int64');
      const looked = lookUp(x, vocabulary, reserved);
      // An encoding leaves the mask out, as OneHot leaves out -1.
      const masked =
        vocabulary.mask === null ? looked : where(equal(x, vocabulary.mask), mode === 'int' ? 0 : -1, looked);
      const dtype = mode === 'int' || parts.kerasVersion >= 3 ? 'int64' : parts.dtype;
      return encoded(masked, mode, vocabulary.depth, dtype);
    });
  },
  keepsDtypes: true,
};

export const FEATURE_LAYERS: readonly LayerKind[] = [
  normalization,
  categoryEncoding,
  discretization,
  hashing,
  hashedCrossing,
  integerLookup,
];
