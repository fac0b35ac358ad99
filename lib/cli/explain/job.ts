import type { Box } from '../../metrics/pointing_game.js';
import type { NamedMethod } from '../shared/methods/vocabulary.js';
import type { Target } from '../shared/pictures/target.js';
import type { Terminal } from '../shared/terminal.js';
import type { ExplainOptions } from './options.js';

/** What one run of `keras-explainable explain` works on: its options, and what they name, read and checked. */
export interface Job {
  readonly options: ExplainOptions;
  readonly methods: readonly NamedMethod[];
  readonly target: Target;
  /** Class names by unit; empty where none were given. */
  readonly labels: readonly string[];
  readonly boxes: ReadonlyMap<string, Box> | null;
  readonly paths: readonly string[];
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}
