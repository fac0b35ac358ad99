/** The flags by which a command says how its model is loaded. */
import { type Command, Option } from 'commander';
import { type LoadModelOptions, PRECISIONS, type Precision } from '../load_model.js';
import { oneOf } from './options.js';
import { type StrategyFlags, strategyOf, strategyOption, workersOption } from './strategy.js';

export interface LoadFlags extends StrategyFlags {
  readonly signature?: string;
  readonly precision?: Precision;
  readonly jitCompile?: boolean;
}

export function signatureOption(): Option {
  return new Option('--signature <name>', 'the signature of the SavedModel');
}

/** `command` with all of them. */
export function withLoadFlags(command: Command): Command {
  return command
    .addOption(signatureOption())
    .option(
      '--precision <dtype>',
      'float32 (default) or bfloat16: what convolutions and matrix products are computed in',
      oneOf(PRECISIONS),
    )
    .option('--jit-compile', "compile with TensorFlow's XLA: for GPUs, and models of many small ops")
    .addOption(strategyOption())
    .addOption(workersOption());
}

/** What the flags say. Throws UsageError. */
export function loadOptionsOf({ signature, precision, jitCompile, ...flags }: LoadFlags): LoadModelOptions {
  const strategy = strategyOf(flags);
  return {
    ...(signature !== undefined && { signature }),
    ...(precision !== undefined && { precision }),
    ...(jitCompile !== undefined && { jitCompile }),
    ...(strategy !== undefined && { strategy }),
  };
}
