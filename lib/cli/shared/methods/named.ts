import { InvalidArgumentError } from 'commander';
import type { AnyMethod, Filter, Method } from '../../../graph/method.js';
import type { Preprocessing } from '../../../image/preprocess.js';
import { normalize, positiveNormalize } from '../../../methods/filters.js';
import { cams, gradient, meta } from '../../../methods/index.js';
import { DEFAULT_REPETITIONS } from '../../../methods/meta/smooth.js';
import { DEFAULT_SCALES } from '../../../methods/meta/tta.js';
import { nearNames } from '../../../support/arguments.js';
import { UsageError } from '../failure.js';

/** What `--method` is given for a comparison of all methods. */
export const ALL = 'all';

/** The methods' own parameters that the command line can set; what is left out keeps the method's default. */
export interface MethodSettings {
  readonly repetitions?: number;
  readonly noise?: number;
  readonly scales?: readonly number[];
  readonly maxChannels?: number;
  readonly weighting?: 'score' | 'softmax';
}

/** Passes through the network for one picture. */
export interface Passes {
  readonly forward: number;
  readonly backward: number;
  /** How far a backward pass goes: a fraction of the network where it ends at the exposed activations. */
  readonly backwardTo: 'activations' | 'input';
}

/** What a method's passes depend on: the channels of the exposed activations, and the units explained. */
export interface Sizes {
  readonly channels: number;
  readonly units: number;
}

/** A method as the command line knows it. */
export interface NamedMethod {
  /** As `method.name`: `gradcam_smooth`. */
  readonly name: string;
  readonly method: Method;
  /** Parameters of the method itself. */
  readonly params: Readonly<Record<string, unknown>>;
  /** Whether it explains by the activations of a layer, and so needs an exposed model. */
  readonly needsActivations: boolean;
  /** As in the shortcut of that name (`ke.gradcam`). */
  readonly postprocessing: Filter;
  /** As in the shortcut of that name; what gives maps in the input's size does not resize. */
  readonly resizing: boolean;
  passes(sizes: Sizes): Passes;
}

interface BaseMethod {
  readonly method: AnyMethod;
  readonly needsActivations: boolean;
  readonly postprocessing: Filter;
}

const BASES: ReadonlyMap<string, BaseMethod> = new Map<string, BaseMethod>([
  ...cams.METHODS.map(
    (method) => [method.name, { method, needsActivations: true, postprocessing: positiveNormalize }] as const,
  ),
  ...gradient.METHODS.map(
    (method) => [method.name, { method, needsActivations: false, postprocessing: normalize }] as const,
  ),
]);

/** Methods that give maps of the activations' size: the others' have the input's. */
const COARSE: readonly string[] = ['cam', 'gradcam', 'gradcampp'];

type Meta = 'smooth' | 'tta';
const METAS: readonly Meta[] = ['smooth', 'tta'];
/** Meta methods that may stand around one method: more than two multiply the passes without showing more. */
const MOST_METAS = 2;

interface Spelling {
  readonly name: string;
  readonly base: string;
  /** In the order of the name, innermost first. */
  readonly metas: readonly Meta[];
}

function spellings(): Spelling[] {
  let last: Spelling[] = [...BASES.keys()].map((base) => ({ name: base, base, metas: [] }));
  const all = [...last];
  for (let depth = 1; depth <= MOST_METAS; depth++) {
    last = last.flatMap(({ name, base, metas }) =>
      METAS.map((each) => ({ name: `${name}_${each}`, base, metas: [...metas, each] })),
    );
    all.push(...last);
  }
  return all;
}

/** `fullGradients`, `full-gradients` and `full_gradients` are one name. */
const fold = (name: string) => name.toLowerCase().replace(/[-_]/g, '');

const SPELLINGS: readonly Spelling[] = spellings();
const BY_NAME: ReadonlyMap<string, Spelling> = new Map(SPELLINGS.map((each) => [fold(each.name), each]));

/** The methods without a meta method around them. */
export const METHOD_NAMES: readonly string[] = [...BASES.keys()];

/** What `--method all` compares: every method, and three of those that meta methods make of them. */
export const COMPARED_NAMES: readonly string[] = [
  ...METHOD_NAMES,
  'gradcam_smooth',
  'gradcam_tta',
  'gradients_smooth',
];

/** Parses `--method` where `all` is one, too. */
export function methodName(text: string): string {
  return text === ALL ? ALL : parseName(text, [ALL]);
}

/** Parses `--method`: the name as `method.name` has it. */
export function singleMethodName(text: string): string {
  return parseName(text, []);
}

function parseName(text: string, others: readonly string[]): string {
  const found = BY_NAME.get(fold(text));
  if (found !== undefined) return found.name;
  const [near] = nearNames(text, [...SPELLINGS.map(({ name }) => name), ...others], 1);
  const hint = near === undefined ? '' : ` Did you mean '${near}'?`;
  throw new InvalidArgumentError(
    `Expected one of: ${METHOD_NAMES.join(', ')}; one of them with _smooth or _tta after it, or both, ` +
      `as gradcam_smooth${others.map((each) => `; or ${each}`).join('')}.${hint}`,
  );
}

/**
 * The methods of these names, which {@link methodName} has checked, with `settings` for those that take them.
 *
 * @param preprocess what inputs are made by; it says how much noise is a tenth of their range.
 */
export function methodsOf(
  names: readonly string[],
  settings: MethodSettings,
  preprocess: Preprocessing,
): NamedMethod[] {
  const chosen = names.map((name) => BY_NAME.get(fold(name)) as Spelling);
  refuseUnused(chosen, settings);
  const noise = settings.noise ?? noiseFor(preprocess);
  return chosen.map((spelling) => build(spelling, { ...settings, noise }));
}

/** How each setting is spelled on the command line, and which methods take it. */
const TAKEN: {
  readonly [Name in keyof MethodSettings]-?: readonly [
    flag: string,
    by: string,
    taken: (spelling: Spelling) => boolean,
  ];
} = {
  repetitions: ['--repetitions', 'gradcam_smooth', ({ metas }) => metas.includes('smooth')],
  noise: ['--noise', 'gradcam_smooth', ({ metas }) => metas.includes('smooth')],
  scales: ['--scales', 'gradcam_tta', ({ metas }) => metas.includes('tta')],
  maxChannels: ['--max-channels', 'scorecam', ({ base }) => base === 'scorecam'],
  weighting: ['--weighting', 'scorecam', ({ base }) => base === 'scorecam'],
};

/** A setting that nothing reads would be a misunderstanding that no one notices. */
function refuseUnused(chosen: readonly Spelling[], settings: MethodSettings): void {
  for (const [name, [flag, by, taken]] of Object.entries(TAKEN)) {
    if (settings[name as keyof MethodSettings] === undefined || chosen.some(taken)) continue;
    const names = chosen.map((each) => each.name).join(', ');
    throw new UsageError(`${flag}: ${names} does not take it; it goes with methods such as ${by}.`);
  }
}

function build(
  { name, base, metas }: Spelling,
  settings: MethodSettings & { readonly noise: number },
): NamedMethod {
  const { method, needsActivations, postprocessing } = BASES.get(base) as BaseMethod;
  const {
    repetitions = DEFAULT_REPETITIONS,
    noise,
    scales = DEFAULT_SCALES,
    maxChannels,
    weighting,
  } = settings;
  const wrap: Record<Meta, (inner: AnyMethod) => AnyMethod> = {
    smooth: (inner) => meta.smooth(inner, { repetitions, noise }),
    tta: (inner) => meta.tta(inner, { scales }),
  };
  // Each scale and the picture itself, and each of them mirrored.
  const times: Record<Meta, number> = { smooth: repetitions, tta: 2 * (scales.length + 1) };
  const factor = metas.reduce((product, each) => product * times[each], 1);
  return {
    name,
    method: metas.reduce<AnyMethod>((inner, each) => wrap[each](inner), method) as Method,
    params: base === 'scorecam' ? given({ maxChannels, weighting }) : {},
    needsActivations,
    postprocessing,
    resizing: COARSE.includes(base),
    passes: (sizes) => {
      const { forward, backward } = passesOf(base, sizes, maxChannels);
      return {
        forward: forward * factor,
        backward: backward * factor,
        backwardTo: needsActivations ? 'activations' : 'input',
      };
    },
  };
}

function passesOf(base: string, { channels, units }: Sizes, maxChannels = channels) {
  switch (base) {
    case 'cam':
      return { forward: 1, backward: 0 };
    case 'scorecam':
      return { forward: 1 + Math.min(channels, maxChannels), backward: 0 };
    default:
      return { forward: 1, backward: units };
  }
}

function given<T extends object>(values: T): Partial<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<T>;
}

/** The width of the range that each `--preprocess` maps pixels to. */
const INPUT_RANGES: Readonly<Record<Preprocessing, number>> = {
  none: 255,
  unit: 1,
  tf: 2,
  torch: 1 / 0.225,
  caffe: 255,
};

/**
 * The deviation of `smooth`'s noise where none is chosen: a tenth of the input's range, as SmoothGrad's paper has
 * it. The library's own default, 0.1, is that for inputs from 0 to 1: it knows of no preprocessing.
 */
export function noiseFor(preprocess: Preprocessing): number {
  return INPUT_RANGES[preprocess] / 10;
}
