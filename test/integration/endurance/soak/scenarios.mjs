/**
 * All that is repeated, by name. Each is `{ count, begin }`; `begin` gives `step(i)`, which returns how many it did,
 * and `end()`.
 */
import { abortions } from './aborts.mjs';
import { calls } from './calls.mjs';
import { failures } from './failures.mjs';
import { loads } from './loads.mjs';
import { workers } from './workers.mjs';

export const SCENARIOS = { ...calls, ...loads, ...abortions, ...workers, ...failures };
