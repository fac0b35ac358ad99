import { KerasExplainableError, LoadError } from '../support/errors.js';

/** The command that installs libtensorflow for this package. */
export const INSTALL_COMMAND = 'npx keras-explainable install-tensorflow';

/** One place that was searched for libtensorflow, and the reason why the place has no usable library. */
export interface ResolveAttempt {
  readonly place: string;
  readonly reason: string;
}

/** Thrown if no usable libtensorflow is found. `attempts` lists every searched place in order. */
export class TensorflowNotFoundError extends LoadError {
  readonly attempts: readonly ResolveAttempt[];

  constructor(attempts: readonly ResolveAttempt[], fix = `run: ${INSTALL_COMMAND}`) {
    const lines = attempts.map(({ place, reason }, i) => `  ${i + 1}. ${place}: ${reason}`);
    super('NOT_FOUND', `No usable libtensorflow was found. Tried:\n${lines.join('\n')}\nTo fix this, ${fix}`);
    this.attempts = attempts;
  }
}

/** Thrown if libtensorflow cannot be installed. No incomplete installation remains. */
export class TensorflowInstallError extends KerasExplainableError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('INSTALL_FAILED', message, options);
  }
}
