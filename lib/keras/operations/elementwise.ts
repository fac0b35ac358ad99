/** Elementwise operations of `keras.ops`: arithmetic, comparison, logic, rounding and dtypes. */
import { constant, op } from '../../graph/operand.js';
import {
  abs,
  add,
  atan2,
  ceil,
  cos,
  divide,
  divideNoNan,
  erf,
  exp,
  expm1,
  floor,
  floordiv,
  floormod,
  log,
  log1p,
  maximum,
  minimum,
  multiply,
  negative,
  pow,
  reciprocal,
  round,
  rsqrt,
  sign,
  sin,
  sqrt,
  square,
  subtract,
  tan,
  tanh,
} from '../../graph/ops/arithmetic.js';
import { cast, identity, onesLike, stopGradient, zerosLike } from '../../graph/ops/array.js';
import {
  equal,
  greater,
  greaterEqual,
  isFinite as isFiniteNumber,
  isInf,
  isNan,
  less,
  lessEqual,
  logicalAnd,
  logicalNot,
  logicalOr,
  notEqual,
  where,
} from '../../graph/ops/comparison.js';
import type { Symbolic } from '../../graph/symbolic.js';
import { isFloating } from '../../tensor/dtype.js';
import type { Arguments } from './arguments.js';
import { type Compute, type Operation, operations } from './operation.js';
import { asDType, asFloating, commonDType, promoted } from './promotion.js';

type Unary = (x: Symbolic) => Symbolic;
type Binary = (x: Symbolic, y: Symbolic) => Symbolic;

/** A function of a floating tensor. Integers become float32. */
const floatingUnary =
  (compute: Unary): Compute =>
  (args) =>
    compute(asFloating(args.value('x')));

/** A function of a tensor of any dtype. */
const anyUnary =
  (compute: Unary): Compute =>
  (args) =>
    compute(args.tensor('x'));

/** A function of two tensors of one dtype. */
const binary =
  (compute: Binary, floating = false): Compute =>
  (args) => {
    const [x, y] = promoted([args.value('x1'), args.value('x2')], floating) as [Symbolic, Symbolic];
    return compute(x, y);
  };

/** A function of two bool tensors. */
const logical =
  (compute: Binary): Compute =>
  (args) =>
    compute(asDType(args.value('x1'), 'bool'), asDType(args.value('x2'), 'bool'));

/** A test of floating tensors. Integers are finite numbers. */
const test = (compute: Unary) => floatingUnary(compute);

const recorded =
  (type: string): Unary =>
  (x) =>
    op(type, [x]);

/** Returns x where the dtype is not floating, and `compute(x)` elsewhere. */
const unlessInteger =
  (compute: Unary): Unary =>
  (x) =>
    isFloating(x.dtype) ? compute(x) : x;

const LN2 = Math.LN2;

const clip: Compute = (args) => {
  const x = args.value('x');
  const least = args.has('x_min') ? [args.value('x_min')] : [];
  const most = args.has('x_max') ? [args.value('x_max')] : [];
  const [value, ...limits] = promoted([x, ...least, ...most]) as [Symbolic, ...Symbolic[]];
  const raised = least.length > 0 ? maximum(value, limits[0] as Symbolic) : value;
  return most.length > 0 ? minimum(raised, limits.at(-1) as Symbolic) : raised;
};

const choose: Compute = (args) => {
  const condition = asDType(args.value('condition'), 'bool');
  if (!args.has('x1') || !args.has('x2')) {
    args.refuse('x1', 'given. The places of true elements have a shape that depends on the values');
  }
  const [x, y] = promoted([args.value('x1'), args.value('x2')]) as [Symbolic, Symbolic];
  return where(condition, x, y);
};

const select: Compute = (args) => {
  const conditions = args.values('condlist').map((each) => asDType(each, 'bool'));
  const choices = args.values('choicelist');
  const values = promoted([...choices, args.value('default', 0)]);
  return conditions.reduceRight(
    (rest, condition, i) => where(condition, values[i] as Symbolic, rest),
    values.at(-1) as Symbolic,
  );
};

const rounded: Compute = (args) => {
  const x = args.tensor('x');
  const decimals = args.integer('decimals', 0);
  if (!isFloating(x.dtype) || decimals === 0) return round(x);
  const factor = 10 ** decimals;
  return divide(round(multiply(x, factor)), factor);
};

const converted: Compute = (args) => cast(args.tensor('x'), args.dtype());

const like =
  (compute: Unary): Compute =>
  (args) => {
    const value = compute(args.tensor('x'));
    return args.has('dtype') ? cast(value, args.dtype()) : value;
  };

const fullLike: Compute = (args) => {
  const x = args.tensor('x');
  const value = asDType(args.value('fill_value'), args.has('dtype') ? args.dtype() : x.dtype);
  return op('BroadcastTo', [value, op('Shape', [x], { out_type: { dtype: 'int32' } })]);
};

const isClose: Compute = (args) => {
  const [x, y] = promoted([args.value('x1'), args.value('x2')], true) as [Symbolic, Symbolic];
  const limit = add(multiply(abs(y), args.number('rtol', 1e-5)), args.number('atol', 1e-8));
  const near = logicalOr(equal(x, y), logicalAnd(lessEqual(abs(subtract(x, y)), limit), isFiniteNumber(y)));
  return args.boolean('equal_nan', false) ? logicalOr(near, logicalAnd(isNan(x), isNan(y))) : near;
};

/** Returns log(e^x + e^y), or log2(2^x + 2^y) for the base 2. */
const logAddExp =
  (base: number): Binary =>
  (x, y) => {
    const difference = multiply(negative(abs(subtract(x, y))), Math.log(base));
    const sum = add(maximum(x, y), divide(log1p(exp(difference)), Math.log(base)));
    // Equal infinities have no difference.
    return where(equal(x, y), add(x, Math.log(2) / Math.log(base)), sum);
  };

const nanToNum: Compute = (args) => {
  const x = args.tensor('x');
  if (!isFloating(x.dtype)) return x;
  const most =
    x.dtype === 'float64' ? Number.MAX_VALUE : x.dtype === 'float16' ? 65504 : 3.4028234663852886e38;
  const finite = where(isNan(x), constant(args.number('nan', 0), x.dtype), x);
  const positive = constant(args.number('posinf', most), x.dtype);
  const negativeLimit = constant(args.number('neginf', -most), x.dtype);
  const infinite = logicalOr(isNan(x), isFiniteNumber(x));
  return where(infinite, finite, where(greater(x, 0), positive, negativeLimit));
};

const sinc: Unary = (x) => {
  const angle = multiply(x, Math.PI);
  const safe = where(equal(x, 0), onesLike(x), angle);
  return where(equal(x, 0), onesLike(x), divide(sin(safe), safe));
};

export const ELEMENTWISE_OPERATIONS: readonly Operation[] = [
  ...operations('x', {
    Absolute: anyUnary((x) => (x.dtype === 'bool' ? x : abs(x))),
    Abs: anyUnary((x) => (x.dtype === 'bool' ? x : abs(x))),
    Fabs: floatingUnary(abs),
    Negative: anyUnary(negative),
    Sign: anyUnary(sign),
    Square: anyUnary((x) => square(x.dtype === 'bool' ? cast(x, 'int32') : x)),
    Sqrt: floatingUnary(sqrt),
    Rsqrt: floatingUnary(rsqrt),
    Reciprocal: floatingUnary(reciprocal),
    Cbrt: floatingUnary((x) => multiply(sign(x), pow(abs(x), 1 / 3))),
    Exp: floatingUnary(exp),
    Exp2: floatingUnary((x) => exp(multiply(x, LN2))),
    Expm1: floatingUnary(expm1),
    Log: floatingUnary(log),
    Log1p: floatingUnary(log1p),
    Log2: floatingUnary((x) => divide(log(x), LN2)),
    Log10: floatingUnary((x) => divide(log(x), Math.LN10)),
    Sin: floatingUnary(sin),
    Cos: floatingUnary(cos),
    Tan: floatingUnary(tan),
    Sinh: floatingUnary(recorded('Sinh')),
    Cosh: floatingUnary(recorded('Cosh')),
    Tanh: floatingUnary(tanh),
    Arcsin: floatingUnary(recorded('Asin')),
    Arccos: floatingUnary(recorded('Acos')),
    Arctan: floatingUnary(recorded('Atan')),
    Arcsinh: floatingUnary(recorded('Asinh')),
    Arccosh: floatingUnary(recorded('Acosh')),
    Arctanh: floatingUnary(recorded('Atanh')),
    Sinc: floatingUnary(sinc),
    Erf: floatingUnary(erf),
    Erfc: floatingUnary(recorded('Erfc')),
    Erfinv: floatingUnary(recorded('Erfinv')),
    I0: floatingUnary(recorded('BesselI0')),
    Deg2rad: floatingUnary((x) => multiply(x, Math.PI / 180)),
    Rad2deg: floatingUnary((x) => multiply(x, 180 / Math.PI)),
    Floor: anyUnary((x) => floor(asFloating(x))),
    Ceil: anyUnary((x) => ceil(asFloating(x))),
    Trunc: anyUnary(unlessInteger((x) => where(less(x, 0), ceil(x), floor(x)))),
    Round: rounded,
    Isnan: test(isNan),
    Isinf: test(isInf),
    Isfinite: test(isFiniteNumber),
    Isposinf: test((x) => equal(x, Number.POSITIVE_INFINITY)),
    Isneginf: test((x) => equal(x, Number.NEGATIVE_INFINITY)),
    LogicalNot: (args) => logicalNot(asDType(args.value('x'), 'bool')),
    NanToNum: nanToNum,
    Copy: anyUnary(identity),
    Cast: converted,
    Array: (args) => (args.has('dtype') ? converted(args) : args.tensor('x')),
    ConvertToTensor: (args) => (args.has('dtype') ? converted(args) : args.tensor('x')),
    ZerosLike: like(zerosLike),
    OnesLike: like(onesLike),
    EmptyLike: like(zerosLike),
    Clip: clip,
    BitwiseInvert: anyUnary(recorded('Invert')),
    BitwiseNot: anyUnary(recorded('Invert')),
  }),
  ...operations('variable', { StopGradient: (args) => stopGradient(args.tensor('variable')) }),
  ...operations('x1 x2', {
    Add: binary((x, y) => (x.dtype === 'bool' ? logicalOr(x, y) : add(x, y))),
    Subtract: binary(subtract),
    Multiply: binary((x, y) => (x.dtype === 'bool' ? logicalAnd(x, y) : multiply(x, y))),
    Divide: binary(divide, true),
    TrueDivide: binary(divide, true),
    DivideNoNan: binary(divideNoNan, true),
    FloorDivide: binary(floordiv),
    Mod: binary(floormod),
    // The remainder has the sign of x.
    Fmod: binary((x, y) => op('TruncateMod', [x, y])),
    Power: binary(pow),
    Maximum: binary(maximum),
    Minimum: binary(minimum),
    Fmax: binary((x, y) => whereNumber(x, y, maximum)),
    Fmin: binary((x, y) => whereNumber(x, y, minimum)),
    Arctan2: binary(atan2, true),
    Hypot: binary((x, y) => sqrt(add(square(x), square(y))), true),
    Logaddexp: binary(logAddExp(Math.E), true),
    Logaddexp2: binary(logAddExp(2), true),
    Heaviside: binary((x, y) => where(equal(x, 0), y, cast(greater(x, 0), x.dtype)), true),
    Ldexp: (args) => ldexp(args),
    Equal: binary(equal),
    NotEqual: binary(notEqual),
    Less: binary(less),
    LessEqual: binary(lessEqual),
    Greater: binary(greater),
    GreaterEqual: binary(greaterEqual),
    LogicalAnd: logical(logicalAnd),
    LogicalOr: logical(logicalOr),
    LogicalXor: logical(notEqual),
    Isclose: isClose,
  }),
  ...operations('x y', {
    BitwiseAnd: bitwise('BitwiseAnd'),
    BitwiseOr: bitwise('BitwiseOr'),
    BitwiseXor: bitwise('BitwiseXor'),
    BitwiseLeftShift: bitwise('LeftShift'),
    LeftShift: bitwise('LeftShift'),
    BitwiseRightShift: bitwise('RightShift'),
    RightShift: bitwise('RightShift'),
  }),
  ...operations('x fill_value', { FullLike: fullLike }),
  ...operations('condition x1 x2', { Where: choose }),
  ...operations('condlist choicelist default', { Select: select }),
];

/** Returns `compute(x, y)`, or the number if one of both is NaN. */
function whereNumber(x: Symbolic, y: Symbolic, compute: Binary): Symbolic {
  if (!isFloating(x.dtype)) return compute(x, y);
  return where(isNan(x), y, where(isNan(y), x, compute(x, y)));
}

function ldexp(args: Arguments): Symbolic {
  const x = asFloating(args.value('x1'));
  const power = asDType(args.value('x2'), x.dtype);
  return multiply(x, pow(constant(2, x.dtype), power));
}

function bitwise(type: string): Compute {
  return (args) => {
    const [x, y] = promoted([args.value('x'), args.value('y')]) as [Symbolic, Symbolic];
    return op(
      type,
      [x, y].map((each) => cast(each, commonDType(x.dtype, y.dtype))),
    );
  };
}
