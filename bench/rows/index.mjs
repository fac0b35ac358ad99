/**
 * The rows of the benchmark. A row is
 *
 *     { name, title, metrics: { [figure]: { unit, better: 'higher' | 'lower' } }, needs?,
 *       open(): Promise<{ measure(): Promise<{ [figure]: number }>, close(): Promise<void> } | null> }
 *
 * `open` prepares what is not to be measured; null where what it `needs` is not there. `measure` is called once a round.
 */
import { CALLS } from './calls.mjs';
import { DISTRIBUTION } from './distribution.mjs';
import { EVENT_LOOP } from './event_loop.mjs';
import { EXPLAINERS } from './explainer.mjs';
import { SERVER } from './server.mjs';

export const ROWS = [SERVER, ...EXPLAINERS, ...CALLS, EVENT_LOOP, ...DISTRIBUTION];
