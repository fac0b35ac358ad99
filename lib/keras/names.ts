/** Names of layers, weights and ops, each unique in its model. */

/** Gives out names that are unique among those it gave out: 'dense', 'dense_1'. */
export class UniqueNames {
  readonly #used = new Set<string>();

  /** Returns `name`, with a suffix if it is taken. */
  make(name: string): string {
    let unique = name;
    for (let i = 1; this.#used.has(unique); i++) unique = `${name}_${i}`;
    this.#used.add(unique);
    return unique;
  }
}

/** Returns a name that TensorFlow accepts for an op: letters, digits and `_.-`, of a first letter, digit or dot. */
export function opName(name: string): string {
  const valid = name.replace(/[^\w.-]/g, '_');
  return /^[A-Za-z0-9.]/.test(valid) ? valid : `layer${valid}`;
}
