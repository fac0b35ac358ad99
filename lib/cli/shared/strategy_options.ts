/** `--strategy` and `--workers`: the devices on which a command computes. */
import { InvalidArgumentError, Option } from 'commander';
import { mirrored } from '../../distribute/mirrored.js';
import { multiWorker } from '../../distribute/multi_worker.js';
import { oneDevice } from '../../distribute/one_device.js';
import type { Strategy } from '../../distribute/strategy.js';
import { oneOf } from './common_options.js';
import { UsageError } from './failure.js';

const STRATEGIES = ['oneDevice', 'mirrored', 'multiWorker'] as const;

export interface StrategyFlags {
  readonly strategy?: (typeof STRATEGIES)[number];
  readonly workers?: readonly string[];
}

export function strategyOption(): Option {
  return new Option(
    '--strategy <name>',
    'oneDevice (default), mirrored (all GPUs; without one, the cores) or multiWorker (with --workers)',
  ).argParser(oneOf(STRATEGIES));
}

export function workersOption(): Option {
  return new Option(
    '--workers <list>',
    "compute on these workers (for example 'host:2222,host:2223'), each a `keras-explainable worker`",
  ).argParser(workerList);
}

function workerList(text: string): string[] {
  const workers = text.split(',').map((part) => part.trim());
  try {
    multiWorker({ workers });
  } catch {
    throw new InvalidArgumentError(
      "Expected different addresses with commas between them, as '10.0.0.5:2222,10.0.0.6:2222'.",
    );
  }
  return workers;
}

/** Returns the strategy of the flags, or undefined for the default. */
export function strategyOf({ strategy, workers }: StrategyFlags): Strategy | undefined {
  if (workers !== undefined) {
    if (strategy !== undefined && strategy !== 'multiWorker') {
      throw new UsageError(`--workers: it goes with --strategy multiWorker, not ${strategy}.`);
    }
    return multiWorker({ workers });
  }
  if (strategy === 'multiWorker') {
    throw new UsageError("--strategy multiWorker: it needs --workers, as '10.0.0.5:2222,10.0.0.6:2222'.");
  }
  if (strategy === undefined) return undefined;
  return strategy === 'mirrored' ? mirrored() : oneDevice();
}
