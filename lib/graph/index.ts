/**
 * Tools to write methods and filters: functions of symbolic tensors that become one TensorFlow graph.
 *
 * @module
 */
export {
  batchJacobian,
  type GradientOptions,
  gradient,
  type JacobianListOptions,
  type JacobianOptions,
  type Overrides,
} from './gradient.js';
export type {
  AnyMethod,
  Filter,
  Method,
  MethodArguments,
  MethodLike,
  MethodParameters,
  MethodResult,
  SymbolicInputs,
  SymbolicModel,
} from './method.js';
export type { Operand } from './operand.js';
export * as ops from './ops/index.js';
export { Symbolic } from './symbolic.js';
