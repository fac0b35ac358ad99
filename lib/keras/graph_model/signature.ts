/** The inputs and outputs of a graph model, under the names that its signature gives them. */
import type { NativeNamedTensor } from '../../binding/contract.js';
import { refused } from '../../support/arguments.js';
import { isList, isObject, type Json, type JsonObject } from '../config.js';

export interface GraphSignature {
  /** Empty if the file has no signature. */
  readonly inputs: readonly NativeNamedTensor[];
  readonly outputs: readonly NativeNamedTensor[];
}

/**
 * Reads `signature`, which files before version 2 of the converter keep in `userDefinedMetadata`.
 *
 * @param nodes the names of the graph's nodes. The converter may remove an input that the signature still names.
 */
export function readSignature(model: JsonObject, nodes: ReadonlySet<string>): GraphSignature {
  const metadata = isObject(model.userDefinedMetadata) ? model.userDefinedMetadata : {};
  const signature = isObject(model.signature) ? model.signature : metadata.signature;
  if (!isObject(signature)) return { inputs: [], outputs: [] };
  const inputs = readSide(signature.inputs).filter(({ tensor }) => nodes.has(nodeOf(tensor)));
  return { inputs, outputs: nameOutputs(readSide(signature.outputs), metadata.structuredOutputKeys) };
}

/**
 * Returns the tensors that the options `inputs` or `outputs` name: names of the signature, or tensors of the graph.
 *
 * @throws RangeError if one is named twice.
 */
export function chooseTensors(
  option: 'inputs' | 'outputs',
  side: readonly NativeNamedTensor[],
  names: readonly string[] | undefined,
): readonly NativeNamedTensor[] {
  if (names === undefined) return side;
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined)
    throw refused(option, 'different names', `'${twice}' twice`, 'Name each tensor once.');
  return names.map((name) => side.find((each) => each.name === name) ?? { name, tensor: name });
}

function readSide(side: Json | undefined): NativeNamedTensor[] {
  if (!isObject(side)) return [];
  const tensors = Object.entries(side).flatMap(([name, info]) =>
    isObject(info) && typeof info.name === 'string' && info.name !== '' && !isResource(info)
      ? [{ name, tensor: info.name, isString: info.dtype === 'DT_STRING' || info.dtype === 7 }]
      : [],
  );
  // Strings beside numbers (the names of classes) cannot be returned.
  const numbers = tensors.filter(({ isString }) => !isString);
  return (numbers.length > 0 ? numbers : tensors).map(({ name, tensor }) => ({ name, tensor }));
}

/** A resource is a lookup table of the file, which is no input that a caller gives. */
function isResource({ dtype, resourceId }: JsonObject): boolean {
  return dtype === 'DT_RESOURCE' || dtype === 20 || resourceId !== undefined;
}

/**
 * Orders and names the outputs as the function that was converted. Its results are `Identity`, `Identity_1`, ...; the
 * entries of the signature are in no order. `keys`, if the file has them, are the names in the order of the results.
 */
function nameOutputs(outputs: NativeNamedTensor[], keys: Json | undefined): NativeNamedTensor[] {
  const numbers = outputs.map(({ tensor }) => /^Identity(?:_(\d+))?(?::0)?$/.exec(tensor));
  const isNumbered = numbers.every((found) => found !== null);
  const order = isNumbered ? numbers.map((found) => Number(found[1] ?? 0)) : outputs.map((_, i) => i);
  const ordered = outputs.map((_, i) => i).sort((a, b) => (order[a] as number) - (order[b] as number));
  const hasKeys =
    isList(keys) && keys.length === outputs.length && keys.every((key) => typeof key === 'string');
  return ordered.map((from, to) => {
    const { name, tensor } = outputs[from] as NativeNamedTensor;
    return { name: hasKeys ? (keys[to] as string) : name, tensor };
  });
}

function nodeOf(tensor: string): string {
  return tensor.replace(/:\d+$/, '');
}
