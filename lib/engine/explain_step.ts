import { defaultAxes, inputLayoutFor, mapAxes, positionSizes } from '../graph/layout.js';
import type {
  AnyMethod,
  Filter,
  Method,
  MethodArguments,
  MethodResult,
  SymbolicModel,
} from '../graph/method.js';
import { resizePositions } from '../graph/positions.js';
import { Symbolic } from '../graph/symbolic.js';
import { KERNEL_AXIS } from '../inspection/axes.js';
import { explainedInput } from '../inspection/explained_input.js';
import {
  checkFunction,
  checkIntegers,
  describe,
  nameOf,
  outOfRange,
  wrongType,
} from '../support/arguments.js';
import { GraphError } from '../support/errors.js';
import { checkSeed, type SeedOption } from '../support/seed.js';
import { warnIfUnawaited } from '../support/unawaited.js';

/** The options that every method receives, and the processing of its maps. */
export interface StepOptions extends SeedOption {
  /** A filter over the maps, before they are resized. */
  readonly postprocessing?: Filter | null;
  /**
   * true: maps are resized to the size of the inputs, unless the inputs are strings, which have no positions. Sizes,
   * for example [height, width]: maps are resized to these sizes. false: maps are not resized. Default true.
   */
  readonly resizing?: boolean | readonly number[] | null;
  /**
   * The axes of the inputs that hold positions, whatever their place. The remaining axis holds the channels. The
   * default depends on the rank of the inputs: [-3, -2] for images (N, H, W, C), [-4, -3, -2] for volumes, [-2] for
   * signals (N, T, C), and [-2] for vectors (N, F), whose features are the positions. Inputs that are plainly channels
   * first, (N, 1 | 3 | 4, H, W) with more than 4 positions per axis, have [-2, -1], and volumes [-3, -2, -1]. [1, 2]
   * explains pictures (N, H, W) without channels. For CAMs the default depends on the rank of the activations. Maps are
   * (N, ...positions, U) in any case.
   */
  readonly spatialAxis?: readonly number[];
  /** The axis of the logits that `y` indexes. Default -1. */
  readonly indicesAxis?: number;
  /** The number of leading axes that the logits and `y` share. Default -1: all axes of `y` except the last. */
  readonly indicesBatchDims?: number;
  /**
   * The name or position of the explained input of a model with several inputs. Default: the first input that is no
   * scalar.
   */
  readonly input?: string | number;
}

export const STEP_OPTIONS = [
  'postprocessing',
  'resizing',
  'spatialAxis',
  'indicesAxis',
  'indicesBatchDims',
  'input',
  'seed',
] as const;

/** The tensors of one step. */
export interface ExplainStepData {
  /** The only input, or all inputs in the model's order. */
  readonly inputs: Symbolic | readonly Symbolic[];
  readonly indices?: Symbolic | null;
}

/** @internal Throws for invalid options, before any op is recorded. */
export function checkStepOptions(options: StepOptions): void {
  const { postprocessing, resizing, spatialAxis, indicesAxis, indicesBatchDims, seed } = options;
  checkSeed(seed);
  if (postprocessing !== undefined && postprocessing !== null) {
    checkFunction(
      'postprocessing',
      postprocessing,
      'Pass a filter, for example `filters.positiveNormalize`.',
    );
  }
  if (resizing !== undefined && resizing !== null && typeof resizing !== 'boolean') {
    const sizes = checkIntegers('resizing', resizing, 'true, false or sizes (for example [height, width])');
    if (sizes.length === 0 || sizes.some((size) => size < 1)) {
      throw outOfRange('resizing', 'sizes of at least 1', sizes);
    }
  }
  if (spatialAxis !== undefined) {
    checkIntegers('spatialAxis', spatialAxis);
    if (spatialAxis.length === 0) throw outOfRange('spatialAxis', 'at least one axis', spatialAxis);
  }
  for (const [name, value] of Object.entries({ indicesAxis, indicesBatchDims })) {
    if (value !== undefined && !Number.isInteger(value)) throw wrongType(name, 'an integer', value);
  }
}

/**
 * Records one step: the method, then the filter, then the resize. `explain` compiles this step. Other methods may call
 * it. The method's extras are returned unchanged.
 *
 * @param options the {@link StepOptions} and the method's own parameters.
 */
export function explainStep<P extends object>(
  model: SymbolicModel,
  method: Method<P> | AnyMethod,
  data: ExplainStepData,
  options: StepOptions & P,
): Required<MethodResult> {
  const { postprocessing, resizing = true, spatialAxis: named, input, seed, ...rest } = options;
  const { indicesAxis = KERNEL_AXIS, indicesBatchDims = -1, ...params } = rest;
  const allInputs = data.inputs instanceof Symbolic ? [data.inputs] : data.inputs;
  const inputs = allInputs[explainedInput(model, input)] as Symbolic;
  const spatialAxis = named ?? defaultAxes(inputs);
  const result = (method as Method)({
    ...params,
    model,
    inputs,
    allInputs,
    indices: data.indices ?? undefined,
    indicesAxis,
    indicesBatchDims,
    spatialAxis,
  } as MethodArguments);
  checkResult(method, result);

  let { maps } = result;
  if (postprocessing) {
    maps = postprocessing(maps, mapAxes(maps, inputs, spatialAxis));
    if (!(maps instanceof Symbolic)) {
      warnIfUnawaited(maps, '`postprocessing`');
      throw new GraphError(
        'INVALID_ARGUMENT',
        `Expected \`postprocessing\` to return a symbolic tensor but it returned ${describe(maps)}.`,
      );
    }
  }
  if (resizing === true) {
    if (inputs.dtype !== 'string') {
      const layout = inputLayoutFor(inputs, spatialAxis, maps.rank - 2);
      maps = resizePositions(maps, positionSizes(inputs, layout));
    }
  } else if (resizing) {
    maps = resizePositions(maps, resizing);
  }
  return { logits: result.logits, maps, extras: result.extras ?? {} };
}

function checkResult(method: AnyMethod | Method<never>, result: unknown): void {
  warnIfUnawaited(result, 'The method');
  const { logits, maps, extras = {} } = (result ?? {}) as Partial<MethodResult>;
  if (logits instanceof Symbolic && maps instanceof Symbolic) {
    checkExtras(method, extras);
    return;
  }
  const mend = result instanceof Promise ? ' A method is recorded synchronously: it must not be async.' : '';
  throw new GraphError(
    'INVALID_ARGUMENT',
    `Expected the method ${nameOf(method)} to return { logits, maps } of symbolic tensors but it returned ` +
      `${describe(result)}.${mend}`,
  );
}

function checkExtras(method: AnyMethod | Method<never>, extras: unknown): void {
  const isRecord = typeof extras === 'object' && extras !== null && !Array.isArray(extras);
  if (!isRecord || extras instanceof Symbolic) {
    throw new GraphError(
      'INVALID_ARGUMENT',
      `Expected the \`extras\` of ${nameOf(method)} to be symbolic tensors by name but received ${describe(extras)}.`,
    );
  }
  for (const [name, extra] of Object.entries(extras)) {
    if (extra instanceof Symbolic && extra.shape?.length !== 0) continue;
    const received = extra instanceof Symbolic ? `${extra}` : describe(extra);
    throw new GraphError(
      'INVALID_ARGUMENT',
      `Expected \`extras.${name}\` of ${nameOf(method)} to be a symbolic tensor with the samples on axis 0 but ` +
        `received ${received}.`,
    );
  }
}
