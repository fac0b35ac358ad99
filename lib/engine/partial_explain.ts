import type { Indices } from '../data/indices.js';
import type { Inputs } from '../data/inputs.js';
import type { Source } from '../data/source.js';
import type { AnyMethod } from '../graph/method.js';
import type { Model } from '../model/model.js';
import { checkFunction, checkIsObject, nameOf } from '../support/arguments.js';
import { type ExplainOptionsFor, type ExplainResultFor, explain } from './explain.js';
import type { OptionalOptions } from './prepare.js';

/** The options `O`. Those in `D` have defaults and become optional. */
type Remaining<O, D> = Omit<O, keyof D> & Partial<Pick<O, keyof D & keyof O>>;

/** `explain` with a fixed method and default options. Options of a call override the defaults. */
export type PartialExplain<M extends AnyMethod, D> = <X extends Inputs | Source>(
  model: Model,
  x: X,
  y?: Indices | null,
  ...options: OptionalOptions<Remaining<ExplainOptionsFor<M>, D>>
) => Promise<ExplainResultFor<X>>;

/**
 * Returns `explain` with a fixed `method` and `defaults`. The function is named after the method: `gradcam_explain`.
 *
 * @param defaults options for every call. The options of a call override them.
 */
export function partialExplain<M extends AnyMethod, D extends Partial<ExplainOptionsFor<M>> = object>(
  method: M,
  defaults?: D & Partial<ExplainOptionsFor<M>>,
): PartialExplain<M, D> {
  checkFunction('method', method, 'Pass a method, for example `methods.cams.gradcam`.');
  if (defaults !== undefined) checkIsObject('defaults', defaults);
  const chosen = { ...defaults };
  const explainWith: PartialExplain<M, D> = async (model, x, y, ...[options]) => {
    checkIsObject('options', options ?? {});
    return explain(method as AnyMethod, model, x, y, { ...chosen, ...options });
  };
  Object.defineProperty(explainWith, 'name', { value: `${nameOf(method)}_explain` });
  return explainWith;
}
