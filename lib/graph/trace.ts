/**
 * What a method does while it is recorded: every op becomes a call of the native trace and a line of the
 * recording's fingerprint. Two recordings of equal fingerprint compile to the same graph.
 */
import { createHash, type Hash } from 'node:crypto';
import type {
  Addon,
  DType,
  NativeAttr,
  NativeFunction,
  NativeModel,
  NativeSessionOptions,
  NativeSymbol,
  NativeTrace,
  StaticShape,
} from '../binding/contract.js';
import { noteSession } from '../binding/sessions.js';
import { describe } from '../support/arguments.js';
import { GraphError, native, nativeAsync } from '../support/errors.js';
import { exactJson } from '../support/exact_json.js';
import { Symbolic } from './symbolic.js';

export type OpInput = Symbolic | readonly Symbolic[];
export type Attributes = Readonly<Record<string, NativeAttr>>;
/** Rules that replace the gradient of an op type, by name: `{ Relu: 'guided' }`. */
export type Overrides = Readonly<Record<string, string>>;

/** What all traces of one recording share. */
interface Recording {
  serials: number;
  readonly hash: Hash;
}

/** The traces being recorded, innermost last. Recording is synchronous, so that nobody else's can be among them. */
const stack: Trace[] = [];

/** Constants up to this size are made once per trace. */
const SMALL_BYTES = 64;

export class Trace {
  readonly #native: NativeTrace;
  readonly #recording: Recording;
  readonly #parent: Trace | null;
  /** Small constants by their values: axes and sizes come again with every op. */
  readonly #constants = new Map<string, Symbolic>();
  /** Placeholders so far. */
  #placeholders = 0;
  /** Positions of those placeholders that every shard gets as a whole. */
  readonly #whole: number[] = [];
  #open = true;

  private constructor(trace: NativeTrace, recording: Recording, parent: Trace | null) {
    this.#native = trace;
    this.#recording = recording;
    this.#parent = parent;
  }

  static create(addon: Addon): Trace {
    return new Trace(addon.createTrace(), { serials: 0, hash: createHash('sha256') }, null);
  }

  /** The trace that ops are recorded in now. Throws GraphError outside of a recording. */
  static current(): Trace {
    const current = stack.at(-1);
    if (current === undefined) {
      throw new GraphError(
        'FAILED_PRECONDITION',
        'Symbolic ops record a graph: call them inside a method or filter that `explain` runs, synchronously ' +
          '(not after an `await`).',
      );
    }
    return current;
  }

  /** Runs `record` with this trace as the current one. */
  run<T>(record: () => T): T {
    stack.push(this);
    try {
      return record();
    } finally {
      stack.pop();
    }
  }

  /** Runs `record` as the body of a loop: what it recorded may not be used once it has returned. */
  #body<T>(record: () => T): T {
    try {
      return this.run(record);
    } finally {
      this.#open = false;
    }
  }

  #log(...entry: unknown[]): void {
    this.#recording.hash.update(exactJson(entry));
  }

  #wrap({ id, dtype, shape }: NativeSymbol): Symbolic {
    return new Symbolic(this, id, this.#recording.serials++, dtype, shape);
  }

  /** Refuses what is no symbol, and symbols that cannot be reached from here. */
  #check(value: Symbolic, name: string): Symbolic {
    if (!(value instanceof Symbolic)) {
      throw new GraphError(
        'INVALID_ARGUMENT',
        `Expected a symbolic tensor for \`${name}\` but received ${describe(value)}.`,
      );
    }
    for (let trace: Trace | null = this; trace !== null; trace = trace.#parent) {
      if (trace === value.trace) return value;
    }
    throw new GraphError(
      'INVALID_ARGUMENT',
      value.trace.#open
        ? `\`${name}\` (${value}) belongs to another trace. A symbolic tensor lives only within the call of the ` +
            'method that made it: do not keep it between calls.'
        : `\`${name}\` (${value}) belongs to the body of a loop that has ended. Return it from the body instead.`,
    );
  }

  #ids(values: readonly Symbolic[], name: string): number[] {
    return values.map((value, i) => this.#check(value, values.length > 1 ? `${name}[${i}]` : name).id);
  }

  /** `whole`: its value goes to every shard as it is. Else axis 0 is the samples, and each shard gets its rows. */
  placeholder(dtype: DType, shape: StaticShape, name: string, whole = false): Symbolic {
    this.#log('placeholder', dtype, shape, ...(whole ? ['whole'] : []));
    if (whole) this.#whole.push(this.#placeholders);
    this.#placeholders += 1;
    return this.#wrap(native(() => this.#native.placeholder(dtype, shape, name), GraphError));
  }

  constant(dtype: DType, shape: readonly number[], data: ArrayBufferView): Symbolic {
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    const key = bytes.length > SMALL_BYTES ? null : `${dtype} ${shape} ${bytes.toString('latin1')}`;
    const known = key === null ? undefined : this.#constants.get(key);
    if (known !== undefined) return known;
    this.#log('constant', dtype, shape, bytes.length);
    this.#recording.hash.update(bytes);
    const made = this.#wrap(native(() => this.#native.constant(dtype, shape, data), GraphError));
    if (key !== null) this.#constants.set(key, made);
    return made;
  }

  op(type: string, inputs: readonly OpInput[], attributes: Attributes = {}): Symbolic[] {
    const serials: (number | number[])[] = [];
    const ids = inputs.map((input, i) => {
      if (input instanceof Symbolic || !Array.isArray(input)) {
        const symbol = this.#check(input as Symbolic, `input ${i} of ${type}`);
        serials.push(symbol.serial);
        return symbol.id;
      }
      serials.push(input.map((symbol) => symbol?.serial));
      return this.#ids(input, `input ${i} of ${type}`);
    });
    this.#log('op', type, serials, attributes);
    try {
      return this.#native.op(type, ids, attributes).map((symbol) => this.#wrap(symbol));
    } catch (error) {
      const given = inputs.flat().map(String).join(', ');
      const reason = error instanceof Error ? error.message : String(error);
      const code = (error as { code?: unknown }).code;
      throw new GraphError(
        typeof code === 'string' ? code : 'INVALID_ARGUMENT',
        `TensorFlow's ${type} refused ${given || 'its attributes'}: ${reason}`,
        { cause: error, op: type },
      );
    }
  }

  /** `modelKey` says which model it is, in the fingerprint. */
  callModel(
    model: NativeModel,
    modelKey: number,
    inputs: readonly Symbolic[],
    outputs: readonly string[],
  ): Symbolic[] {
    const ids = this.#ids(inputs, 'inputs');
    this.#log(
      'model',
      modelKey,
      inputs.map(({ serial }) => serial),
      outputs,
    );
    const symbols = native(() => this.#native.callModel(model, ids, outputs), GraphError);
    return symbols.map((symbol) => this.#wrap(symbol));
  }

  /** `null` among `gradYs` stands for ones. */
  gradient(
    ys: readonly Symbolic[],
    xs: readonly Symbolic[],
    gradYs: readonly (Symbolic | null)[],
    overrides: Overrides,
  ): Symbolic[] {
    const yIds = this.#ids(ys, 'ys');
    const xIds = this.#ids(xs, 'xs');
    const gradIds = gradYs.map((grad) => (grad === null ? -1 : this.#check(grad, 'gradYs').id));
    this.#log(
      'gradient',
      serialsOf(ys),
      serialsOf(xs),
      gradYs.map((grad) => grad?.serial ?? null),
      overrides,
    );
    const symbols = native(() => this.#native.gradient(yIds, xIds, gradIds, overrides), GraphError);
    return symbols.map((symbol) => this.#wrap(symbol));
  }

  jacobian(
    ys: Symbolic,
    xs: readonly Symbolic[],
    each: (gradients: Symbolic[]) => Symbolic,
    overrides: Overrides,
  ): Symbolic {
    const y = this.#check(ys, 'ys').id;
    const xIds = this.#ids(xs, 'xs');
    this.#log('jacobian', ys.serial, serialsOf(xs), overrides);
    const { body, gradients } = native(() => this.#native.beginJacobian(y, xIds, overrides), GraphError);
    const kept = this.#turn(body, 'each', (trace) => each(gradients.map((symbol) => trace.#wrap(symbol))));
    return this.#wrap(native(() => this.#native.endJacobian(body, kept.id), GraphError));
  }

  /** `count`: an int32 scalar. */
  mapRange(count: Symbolic, each: (i: Symbolic) => Symbolic): Symbolic {
    const id = this.#check(count, 'count').id;
    this.#log('stack', count.serial);
    const { body, index } = native(() => this.#native.beginStack(id), GraphError);
    const kept = this.#turn(body, 'body', (trace) => each(trace.#wrap(index)));
    return this.#wrap(native(() => this.#native.endStack(body, kept.id), GraphError));
  }

  /** Records `run`, the function named `name`, in `body`, and returns the value of one turn. */
  #turn(body: NativeTrace, name: string, run: (trace: Trace) => Symbolic): Symbolic {
    const trace = new Trace(body, this.#recording, this);
    const kept = trace.#body(() => {
      const value = run(trace);
      if (!(value instanceof Symbolic)) {
        throw new GraphError(
          'INVALID_ARGUMENT',
          `Expected \`${name}\` to return a symbolic tensor but it returned ${describe(value)}.`,
        );
      }
      return trace.#check(value, `the result of \`${name}\``);
    });
    this.#log('end', kept.serial);
    return kept;
  }

  /** `count`, an int32 scalar: how many turns the loop makes, where that is known, for its progress. */
  whileLoop(
    condition: (...variables: Symbolic[]) => Symbolic,
    body: (...variables: Symbolic[]) => readonly Symbolic[],
    initial: readonly Symbolic[],
    shapes: readonly StaticShape[],
    count: Symbolic | null,
  ): Symbolic[] {
    const ids = this.#ids(initial, 'initial');
    const countId = count === null ? -1 : this.#check(count, 'count').id;
    this.#log('while', serialsOf(initial));
    const record = <T>(name: string, run: (...variables: Symbolic[]) => T) => {
      const trace = new Trace(
        native(() => this.#native.body()),
        this.#recording,
        this,
      );
      const result = trace.#body(() => {
        const variables = initial.map(({ dtype }, i) =>
          trace.placeholder(dtype, shapes[i] ?? null, `loop_${i}`),
        );
        return run(...variables);
      });
      const results = (Array.isArray(result) ? result : [result]) as Symbolic[];
      return { native: trace.#native, ids: trace.#ids(results, name), results };
    };
    const test = record('the result of `condition`', condition);
    const step = record('the results of `body`', body);
    checkLoop(test.results, step.results, initial, shapes);
    this.#log('do', serialsOf(test.results), serialsOf(step.results), count?.serial ?? null);
    const symbols = native(
      () => this.#native.whileLoop(test.native, test.ids[0] as number, step.native, step.ids, ids, countId),
      GraphError,
    );
    return symbols.map((symbol) => this.#wrap(symbol));
  }

  /** What this recording compiles to, as a word. Call it when everything is recorded. */
  fingerprint(fetches: readonly Symbolic[], options: NativeSessionOptions): string {
    return this.#recording.hash
      .copy()
      .update(exactJson([serialsOf(fetches), options]))
      .digest('base64');
  }

  /** Builds the graph on a background thread. The trace is used up. */
  async compile(fetches: readonly Symbolic[], options: NativeSessionOptions): Promise<NativeFunction> {
    const ids = this.#ids(fetches, 'the results');
    this.#open = false;
    noteSession();
    return nativeAsync(() => this.#native.compile(ids, options, this.#whole), GraphError);
  }
}

function serialsOf(symbols: readonly Symbolic[]): number[] {
  return symbols.map(({ serial }) => serial);
}

function checkLoop(
  tests: readonly Symbolic[],
  results: readonly Symbolic[],
  initial: readonly Symbolic[],
  shapes: readonly StaticShape[],
): void {
  const [test] = tests;
  if (tests.length !== 1 || test?.dtype !== 'bool' || test.shape?.length !== 0) {
    throw new GraphError(
      'INVALID_ARGUMENT',
      `Expected \`condition\` to return one bool scalar but it returned ${tests}.`,
    );
  }
  if (results.length !== initial.length) {
    throw new GraphError(
      'INVALID_ARGUMENT',
      `Expected \`body\` to return ${initial.length} tensors, as many as \`initial\` has, but it returned ${results.length}.`,
    );
  }
  results.forEach((result, i) => {
    const expected = initial[i] as Symbolic;
    if (result.dtype !== expected.dtype) {
      throw new GraphError(
        'INVALID_ARGUMENT',
        `Expected loop variable ${i} to stay ${expected.dtype} but \`body\` returned ${result}. Use \`ops.cast\`.`,
      );
    }
    const shape = shapes[i] ?? null;
    const fits =
      shape === null ||
      (result.shape?.length === shape.length &&
        shape.every((size, axis) => size === null || size === result.shape?.[axis]));
    if (!fits) {
      throw new GraphError(
        'INVALID_ARGUMENT',
        `Expected loop variable ${i} to keep its shape but \`body\` returned ${result} for ${expected}. Name the ` +
          'sizes that change as null in `shapes`.',
      );
    }
  });
}
