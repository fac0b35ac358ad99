import type { Addon, NativeStrategy } from './contract.js';

const strategies = new Map<number, NativeStrategy>();

/**
 * Returns the strategy of this process without a fixed device. The strategy has `callers` threads; all callers with the
 * same number share one strategy. The threads start with the first run and end with the process.
 */
export function localStrategy(addon: Addon, callers: number): NativeStrategy {
  let strategy = strategies.get(callers);
  if (strategy === undefined) {
    strategy = addon.createStrategy({ replicas: [{ target: '', device: '', callers }] });
    strategies.set(callers, strategy);
  }
  return strategy;
}
