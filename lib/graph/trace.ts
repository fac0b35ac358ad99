/**
 * The recording of a method: every op becomes an equation of the native trace. The native trace derives from the
 * equations the graph that the method compiles to, and a fingerprint of the graph.
 */
import { createHash } from 'node:crypto';
import type {
  Addon,
  DType,
  NativeAttr,
  NativeFunction,
  NativeModel,
  NativeModelParts,
  NativeSessionOptions,
  NativeSymbol,
  NativeTrace,
  StaticShape,
} from '../binding/contract.js';
import { noteSession } from '../binding/sessions.js';
import { describe } from '../support/arguments.js';
import { GraphError, native, nativeAsync } from '../support/errors.js';
import { Symbolic, type SymbolScope } from './symbolic.js';

export type OpInput = Symbolic | readonly Symbolic[];
export type Attributes = Readonly<Record<string, NativeAttr>>;
/** Rules that replace the gradient of an op type, by name: `{ Relu: 'guided' }`. */
export type Overrides = Readonly<Record<string, string>>;

/** The traces in recording, innermost last. Recording is synchronous, so all of them belong to one recording. */
const stack: Trace[] = [];

export class Trace implements SymbolScope {
  readonly #native: NativeTrace;
  readonly #parent: Trace | null;
  /** The number of placeholders so far. */
  #placeholders = 0;
  /** The positions of placeholders that every shard receives whole. */
  readonly #whole: number[] = [];
  #open = true;
  /** The beginning of the names of ops. */
  #names = '';

  private constructor(trace: NativeTrace, parent: Trace | null) {
    this.#native = trace;
    this.#parent = parent;
  }

  static create(addon: Addon): Trace {
    return new Trace(addon.createTrace(), null);
  }

  /** Returns the trace that currently records ops. Throws GraphError outside a recording. */
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

  /** Runs `record` as the body of a loop. Symbols of the body must not be used after `record` has returned. */
  #body<T>(record: () => T): T {
    try {
      return this.run(record);
    } finally {
      this.#open = false;
    }
  }

  get isOpen(): boolean {
    return this.#open;
  }

  #wrap({ id, dtype, shape }: NativeSymbol): Symbolic {
    return new Symbolic(this, id, dtype, shape);
  }

  /** Returns `value`. Throws GraphError if `value` is not a symbol of this trace or of an enclosing trace. */
  #check(value: Symbolic, name: string): Symbolic {
    if (!(value instanceof Symbolic)) {
      throw new GraphError(
        'INVALID_ARGUMENT',
        `Expected a symbolic tensor for \`${name}\` but received ${describe(value)}.`,
      );
    }
    for (let trace: Trace | null = this; trace !== null; trace = trace.#parent) {
      if (trace === value.scope) return value;
    }
    throw new GraphError(
      'INVALID_ARGUMENT',
      value.scope.isOpen
        ? `\`${name}\` (${value}) belongs to another trace. A symbolic tensor lives only within the call of the ` +
            'method that made it: do not keep it between calls.'
        : `\`${name}\` (${value}) belongs to the body of a loop that has ended. Return it from the body instead.`,
    );
  }

  #ids(values: readonly Symbolic[], name: string): number[] {
    return values.map((value, i) => this.#check(value, values.length > 1 ? `${name}[${i}]` : name).id);
  }

  /** Adds an input. With `whole`, every shard receives the whole value. Otherwise a shard receives rows of axis 0. */
  placeholder(dtype: DType, shape: StaticShape, name: string, whole = false): Symbolic {
    if (whole) this.#whole.push(this.#placeholders);
    this.#placeholders += 1;
    return this.#wrap(native(() => this.#native.placeholder(dtype, shape, name), GraphError));
  }

  constant(dtype: DType, shape: readonly number[], data: ArrayBufferView): Symbolic {
    return this.#wrap(native(() => this.#native.constant(dtype, shape, data), GraphError));
  }

  op(type: string, inputs: readonly OpInput[], attributes: Attributes = {}): Symbolic[] {
    const ids = inputs.map((input, i) =>
      Array.isArray(input)
        ? this.#ids(input, `input ${i} of ${type}`)
        : this.#check(input as Symbolic, `input ${i} of ${type}`).id,
    );
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

  callModel(model: NativeModel, inputs: readonly Symbolic[], outputs: readonly string[]): Symbolic[] {
    const ids = this.#ids(inputs, 'inputs');
    const symbols = native(() => this.#native.callModel(model, ids, outputs), GraphError);
    return symbols.map((symbol) => this.#wrap(symbol));
  }

  /** Records a gradient. A `null` in `gradYs` means ones. */
  gradient(
    ys: readonly Symbolic[],
    xs: readonly Symbolic[],
    gradYs: readonly (Symbolic | null)[],
    override: Overrides,
  ): Symbolic[] {
    const yIds = this.#ids(ys, 'ys');
    const xIds = this.#ids(xs, 'xs');
    const gradIds = gradYs.map((grad) => (grad === null ? -1 : this.#check(grad, 'gradYs').id));
    const symbols = native(() => this.#native.gradient(yIds, xIds, gradIds, override), GraphError);
    return symbols.map((symbol) => this.#wrap(symbol));
  }

  jacobian(
    ys: Symbolic,
    xs: readonly Symbolic[],
    each: (gradients: Symbolic[]) => Symbolic,
    override: Overrides,
  ): Symbolic {
    const y = this.#check(ys, 'ys').id;
    const xIds = this.#ids(xs, 'xs');
    const { body, gradients } = native(() => this.#native.beginJacobian(y, xIds, override), GraphError);
    const kept = this.#turn(body, 'each', (trace) => each(gradients.map((symbol) => trace.#wrap(symbol))));
    return this.#wrap(native(() => this.#native.endJacobian(body, kept.id), GraphError));
  }

  /** Records a loop that stacks the results of `each(i)` for i from 0 to `count` - 1. `count` is an int32 scalar. */
  mapRange(count: Symbolic, each: (i: Symbolic) => Symbolic): Symbolic {
    const id = this.#check(count, 'count').id;
    const { body, index } = native(() => this.#native.beginStack(id), GraphError);
    const kept = this.#turn(body, 'body', (trace) => each(trace.#wrap(index)));
    return this.#wrap(native(() => this.#native.endStack(body, kept.id), GraphError));
  }

  /** Records `run`, the function named `name`, in `body`, and returns the value of one turn. */
  #turn(body: NativeTrace, name: string, run: (trace: Trace) => Symbolic): Symbolic {
    const trace = new Trace(body, this);
    return trace.#body(() => {
      const value = run(trace);
      if (!(value instanceof Symbolic)) {
        throw new GraphError(
          'INVALID_ARGUMENT',
          `Expected \`${name}\` to return a symbolic tensor but it returned ${describe(value)}.`,
        );
      }
      return trace.#check(value, `the result of \`${name}\``);
    });
  }

  /** Records a while loop. `count`, an int32 scalar or `null`, is the number of turns for the progress of the run. */
  whileLoop(
    condition: (...variables: Symbolic[]) => Symbolic,
    body: (...variables: Symbolic[]) => readonly Symbolic[],
    initial: readonly Symbolic[],
    shapes: readonly StaticShape[],
    count: Symbolic | null,
  ): Symbolic[] {
    const ids = this.#ids(initial, 'initial');
    const countId = count === null ? -1 : this.#check(count, 'count').id;
    const record = <T>(name: string, run: (...variables: Symbolic[]) => T) => {
      const body = native(() => this.#native.body());
      const trace = new Trace(body, this);
      const result = trace.#body(() => {
        const variables = initial.map(({ dtype }, i) =>
          trace.placeholder(dtype, shapes[i] ?? null, `loop_${i}`),
        );
        return run(...variables);
      });
      const results = (Array.isArray(result) ? result : [result]) as Symbolic[];
      return { native: body, ids: trace.#ids(results, name), results };
    };
    const test = record('the result of `condition`', condition);
    const step = record('the results of `body`', body);
    const [more, ...others] = test.ids;
    if (others.length > 0 || more === undefined) {
      throw new GraphError(
        'INVALID_ARGUMENT',
        `Expected \`condition\` to return one bool scalar but it returned ${test.results.length} tensors.`,
      );
    }
    const symbols = native(
      () => this.#native.whileLoop(test.native, more, step.native, step.ids, ids, countId),
      GraphError,
    );
    return symbols.map((symbol) => this.#wrap(symbol));
  }

  /** Returns a hash of the function that `fetches` compile to. Equal hashes mean equal functions. */
  fingerprint(fetches: readonly Symbolic[], options: NativeSessionOptions): string {
    const ids = this.#ids(fetches, 'the results');
    const { intraOp, checkNumerics = false, bfloat16 = false, jitCompile = false } = options;
    return createHash('sha256')
      .update(native(() => this.#native.encode(ids), GraphError))
      .update(JSON.stringify([intraOp, checkNumerics, bfloat16, jitCompile, this.#whole]))
      .digest('base64');
  }

  /** Builds the graph on a background thread. The trace must not be used afterwards. */
  async compile(fetches: readonly Symbolic[], options: NativeSessionOptions): Promise<NativeFunction> {
    const ids = this.#ids(fetches, 'the results');
    this.#open = false;
    noteSession();
    return nativeAsync(() => this.#native.compile(ids, options, this.#whole), GraphError);
  }

  /** Records `record`. The names of its ops begin with `scope`, for example "conv1/". */
  named<T>(scope: string, record: () => T): T {
    const outer = this.#names;
    const begin = (names: string) => {
      this.#names = names;
      native(() => this.#native.beginNamesWith(names), GraphError);
    };
    begin(scope);
    try {
      return record();
    } finally {
      begin(outer);
    }
  }

  /** Makes a model of the recording, on a background thread. The trace must not be used afterwards. */
  async toModel(parts: NativeModelParts): Promise<NativeModel> {
    this.#open = false;
    return nativeAsync(() => this.#native.toModel(parts), GraphError);
  }

  /**
   * Returns the recording as text, one equation per line. With `fetches`, the text has the equations that `fetches`
   * need, and each value once. Without `fetches`, the text has all recorded equations in order.
   */
  dump(fetches?: readonly Symbolic[]): string {
    const ids = fetches === undefined ? undefined : this.#ids(fetches, 'the results');
    return native(() => this.#native.print(ids), GraphError);
  }

  toString(): string {
    return this.dump();
  }
}
