/** The flags that determine how a command loads its model. */
import { type Command, Option } from 'commander';
import { type LoadModelOptions, PRECISIONS, type Precision } from '../../load_model.js';
import { nameList, oneOf } from './common_options.js';
import { type StrategyFlags, strategyOf, strategyOption, workersOption } from './strategy_options.js';

export interface LoadFlags extends StrategyFlags {
  readonly signature?: string;
  readonly precision?: Precision;
  readonly jitCompile?: boolean;
  readonly allowOps?: readonly string[];
  readonly allowRandom?: boolean;
}

/** The files that `--model` takes. */
export const MODEL_PATH = 'a SavedModel directory, a frozen .pb file, a .keras or .h5 file, or a model.json';

export function signatureOption(): Option {
  return new Option('--signature <name>', 'the signature of the SavedModel');
}

export function allowOpsOption(): Option {
  return new Option(
    '--allow-ops <ops>',
    'comma-separated types of ops that the model may run besides ops that only compute: for files that you trust',
  ).argParser(nameList);
}

export function allowRandomOption(): Option {
  return new Option('--allow-random', 'let the model draw random numbers, the same ones in every run');
}

/** Adds all of these flags to `command`. */
export function withLoadFlags(command: Command): Command {
  return command
    .addOption(signatureOption())
    .addOption(allowOpsOption())
    .addOption(allowRandomOption())
    .option(
      '--precision <dtype>',
      'float32 (default) or bfloat16: the dtype of convolutions and matrix products',
      oneOf(PRECISIONS),
    )
    .option('--jit-compile', "compile with TensorFlow's XLA: for GPUs, and models of many small ops")
    .addOption(strategyOption())
    .addOption(workersOption());
}

/** Returns the options of `loadModel` for the flags. Throws UsageError. */
export function loadOptionsOf(options: LoadFlags): LoadModelOptions {
  const { signature, precision, jitCompile, allowOps, allowRandom, ...flags } = options;
  const strategy = strategyOf(flags);
  return {
    ...(signature !== undefined && { signature }),
    ...(precision !== undefined && { precision }),
    ...(jitCompile !== undefined && { jitCompile }),
    ...(allowOps !== undefined && { allowOps }),
    ...(allowRandom !== undefined && { allowRandom }),
    ...(strategy !== undefined && { strategy }),
  };
}
