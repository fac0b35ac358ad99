import type { Box } from '../../metrics/pointing_game.js';
import type { NamedMethod } from '../shared/methods/vocabulary.js';
import type { Target } from '../shared/pictures/target.js';
import type { Terminal } from '../shared/terminal.js';
import type { ExplainOptions } from './options.js';

/** The input of one run of `keras-explainable explain`: the checked options and the files that they name. */
export interface Job {
  readonly options: ExplainOptions;
  readonly methods: readonly NamedMethod[];
  readonly target: Target;
  /** Class names by unit. Empty if no names are given. */
  readonly labels: readonly string[];
  readonly boxes: ReadonlyMap<string, Box> | null;
  readonly paths: readonly string[];
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}
