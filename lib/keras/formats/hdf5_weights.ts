/** The index of the weights in HDF5 files, in the two layouts in which Keras writes them. */
import { ModelError } from '../../support/errors.js';
import type { StoredArray, StoredWeights } from '../stored_weights.js';
import type { Hdf5Array, Hdf5File } from './hdf5_file.js';
import { MOST_ARRAYS, MOST_DEPTH, MOST_EXPANSION, MOST_NAME, MOST_OBJECTS, SMALL_BYTES } from './limits.js';

/** The group of a whole model's weights. */
export const MODEL_WEIGHTS = '/model_weights';

/** The groups in which Keras 3 stores what is no weight of a layer. */
const SKIPPED: ReadonlySet<string> = new Set(['optimizer', 'metrics', '_metrics']);

/** Collects the arrays of one or several files, and checks what they declare against the sizes of the files. */
export class Hdf5Index {
  /** Where the bytes of each array are, by the array's number. */
  readonly places: { readonly file: Hdf5File; readonly array: Hdf5Array }[] = [];
  readonly #declared = new Map<Hdf5File, { plain: number; chunked: number }>();

  /** Adds an array of the file. `name` is the name that the layout gives to the array. */
  add(file: Hdf5File, path: string, name: string): StoredArray {
    if (this.places.length >= MOST_ARRAYS) {
      throw new ModelError('OUT_OF_RANGE', `${file.path} has more than ${MOST_ARRAYS} arrays.`);
    }
    if (name.length > MOST_NAME) throw damaged(file, `the name of an array has ${name.length} characters`);
    if (file.kindOf(path) !== 'array') throw damaged(file, `expected an array at ${path}`);
    const array = file.array(path);
    this.#check(file, array);
    const index = this.places.push({ file, array }) - 1;
    return { name, dtype: array.dtype, shape: array.shape, index };
  }

  #check(file: Hdf5File, { path, bytes, chunks }: Hdf5Array): void {
    const declared = this.#declared.get(file) ?? { plain: 0, chunked: 0 };
    this.#declared.set(file, declared);
    if (chunks === null) declared.plain += bytes;
    else declared.chunked += bytes;
    if (declared.plain > file.size) {
      throw damaged(
        file,
        `the arrays up to ${path} declare ${declared.plain} bytes but the file has ${file.size}`,
      );
    }
    if (declared.chunked > Math.max(SMALL_BYTES, MOST_EXPANSION * file.size)) {
      throw damaged(file, `the compressed arrays up to ${path} declare ${declared.chunked} bytes`);
    }
  }
}

/**
 * Returns the weights by layer, as Keras 1 and 2 store them, and Keras 3 in `.h5` files. The attribute `layer_names` of
 * `group` lists the layers in order, the attribute `weight_names` of a layer's group its arrays.
 */
export function readGroups(file: Hdf5File, group: string, index: Hdf5Index): StoredWeights {
  const groups = new Map<string, readonly StoredArray[]>();
  const names = listAttribute(file, group, 'layer_names');
  for (const name of [...names, 'top_level_model_weights']) {
    const path = join(group, name);
    const isExtra = groups.size >= names.length;
    if (file.kindOf(path) !== 'group') {
      if (isExtra) continue;
      throw damaged(file, `the weights of layer '${name}' are missing`);
    }
    if (groups.has(name)) throw damaged(file, `two layers have the name '${name}'`);
    const arrays = listAttribute(file, path, 'weight_names').map((weight) =>
      index.add(file, join(path, weight), weight),
    );
    if (!isExtra || arrays.length > 0) groups.set(name, arrays);
  }
  return { layout: 'groups', groups };
}

/** Returns whether the group has the weights of a whole model by layer. */
export const hasGroups = (file: Hdf5File, group: string): boolean =>
  file.attributesOf(group).some((name) => /^layer_names\d*$/.test(name));

/**
 * Returns the strings of an attribute. Keras splits a list of more than 64,000 bytes: `weight_names0`, `weight_names1`.
 */
function listAttribute(file: Hdf5File, path: string, name: string): string[] {
  const attributes = new Set(file.attributesOf(path));
  if (attributes.has(name)) return file.strings(path, name);
  const strings: string[] = [];
  for (let part = 0; attributes.has(`${name}${part}`); part++)
    strings.push(...file.strings(path, `${name}${part}`));
  return strings;
}

/** Returns the weights by their paths, as Keras 3 stores them. */
export function readTree(file: Hdf5File, index: Hdf5Index): ReadonlyMap<string, StoredArray> {
  const arrays = new Map<string, StoredArray>();
  const open = [''];
  let visited = 0;
  for (let group = open.pop(); group !== undefined; group = open.pop()) {
    const below: string[] = [];
    for (const name of file.namesIn(group === '' ? '/' : group)) {
      const path = `${group}/${name}`;
      visited += 1;
      if (visited > MOST_OBJECTS) throw damaged(file, `there are more than ${MOST_OBJECTS} groups`);
      if (group === '' && SKIPPED.has(name)) continue;
      const kind = file.kindOf(path);
      if (kind === 'array') arrays.set(path.slice(1), index.add(file, path, path.slice(1)));
      else if (kind === 'group') below.push(path);
      else throw damaged(file, `${path} is neither a group nor an array of this file`);
    }
    if (below.some((path) => path.split('/').length > MOST_DEPTH)) {
      throw damaged(file, `groups lie within each other more than ${MOST_DEPTH} times`);
    }
    open.push(...below.reverse());
  }
  return arrays;
}

const join = (group: string, name: string): string =>
  `${group === '/' ? '' : group}/${name.replace(/^\/+/, '')}`;

const damaged = (file: Hdf5File, reason: string): ModelError =>
  new ModelError('DATA_LOSS', `The HDF5 file ${file.path} is damaged: ${reason}.`);
