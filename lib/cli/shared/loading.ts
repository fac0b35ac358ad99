/** The flags by which a command says how its model is loaded. */
import { type Command, Option } from 'commander';
import { type LoadModelOptions, PRECISIONS, type Precision } from '../../load_model.js';
import { nameList, oneOf } from './common_options.js';
import { type StrategyFlags, strategyOf, strategyOption, workersOption } from './strategy_options.js';

export interface LoadFlags extends StrategyFlags {
  readonly signature?: string;
  readonly precision?: Precision;
  readonly jitCompile?: boolean;
  readonly allowOps?: readonly string[];
}

export function signatureOption(): Option {
  return new Option('--signature <name>', 'the signature of the SavedModel');
}

export function allowOpsOption(): Option {
  return new Option(
    '--allow-ops <ops>',
    'ops with commas between them that the model may run beside those that only compute: for files that you trust',
  ).argParser(nameList);
}

/** `command` with all of them. */
export function withLoadFlags(command: Command): Command {
  return command
    .addOption(signatureOption())
    .addOption(allowOpsOption())
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
export function loadOptionsOf(options: LoadFlags): LoadModelOptions {
  const { signature, precision, jitCompile, allowOps, ...flags } = options;
  const strategy = strategyOf(flags);
  return {
    ...(signature !== undefined && { signature }),
    ...(precision !== undefined && { precision }),
    ...(jitCompile !== undefined && { jitCompile }),
    ...(allowOps !== undefined && { allowOps }),
    ...(strategy !== undefined && { strategy }),
  };
}
