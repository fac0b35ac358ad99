import type { Addon, NativeStrategy } from './contract.js';

const strategies = new Map<number, NativeStrategy>();

/**
 * The strategy of this process and no device in particular: `callers` threads that all who ask for so many share. They
 * start with the first run and end with the process.
 */
export function localStrategy(addon: Addon, callers: number): NativeStrategy {
  let strategy = strategies.get(callers);
  if (strategy === undefined) {
    strategy = addon.createStrategy({ replicas: [{ target: '', device: '', callers }] });
    strategies.set(callers, strategy);
  }
  return strategy;
}
