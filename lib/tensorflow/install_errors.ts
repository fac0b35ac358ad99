import { KerasExplainableError, LoadError } from '../support/errors.js';

/** The command that puts libtensorflow where the package looks for it. */
export const INSTALL_COMMAND = 'npx keras-explainable install-tensorflow';

/** One place where libtensorflow was looked for, and why it was not usable there. */
export interface ResolveAttempt {
  readonly place: string;
  readonly reason: string;
}

/** Thrown where no usable libtensorflow exists. `attempts` lists every place that was tried, in order. */
export class TensorflowNotFoundError extends LoadError {
  readonly attempts: readonly ResolveAttempt[];

  constructor(attempts: readonly ResolveAttempt[], mend = `run: ${INSTALL_COMMAND}`) {
    const lines = attempts.map(({ place, reason }, i) => `  ${i + 1}. ${place}: ${reason}`);
    super('NOT_FOUND', `No usable libtensorflow was found. Tried:\n${lines.join('\n')}\nTo mend it, ${mend}`);
    this.attempts = attempts;
  }
}

/** Thrown where libtensorflow could not be installed. Nothing half-installed is left behind. */
export class TensorflowInstallError extends KerasExplainableError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('INSTALL_FAILED', message, options);
  }
}
