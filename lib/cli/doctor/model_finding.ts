import { dirname } from 'node:path';
import { DIRECTORY_VARIABLE } from '../../tensorflow/resolve.js';
import { shapeText } from '../shared/pictures/target.js';
import type { Finding } from './finding.js';
import type { ModelProbe, ProbedModel } from './probe_model.js';
import { runProbe } from './probing.js';

/** Loads a model and explains a sample in a separate process. @param library the library that was found. */
export async function modelFinding(
  probe: ModelProbe,
  library: string | null,
  signal: AbortSignal,
): Promise<Finding> {
  if (library === null) {
    return { check: 'model', status: 'error', found: `${probe.path} was not tried: TensorFlow is missing` };
  }
  try {
    const env = { [DIRECTORY_VARIABLE]: dirname(library) };
    return findingOf(probe, (await runProbe(probe, { signal, env })) as ProbedModel);
  } catch (error) {
    signal.throwIfAborted();
    return {
      check: 'model',
      status: 'error',
      found: `${probe.path} cannot be loaded`,
      details: (error as Error).message.split('\n'),
      facts: { path: probe.path, message: (error as Error).message },
    };
  }
}

function findingOf({ path, signature = 'serving_default' }: ModelProbe, probed: ProbedModel): Finding {
  const { inputs, outputs, layers, exposed, explained } = probed;
  const specs = (all: ProbedModel['inputs']) =>
    all.map(({ name, dtype, shape }) => `${name} ${dtype} ${shapeText(shape)}`).join(', ');
  const failed = 'failed' in explained;
  const exposes =
    'refused' in exposed
      ? `exposes nothing by default: ${exposed.refused}`
      : `exposes ${exposed.logits.name} and ${exposed.activations.name} ${shapeText(exposed.activations.shape)}`;
  const explains = failed
    ? `${explained.method} fails: ${explained.failed.split('\n', 1)[0]}`
    : `${explained.method} gives maps ${shapeText(explained.maps)}` +
      `${explained.finite ? '' : ' that are not finite'}, the first in ${explained.milliseconds.toFixed(0)} ms`;
  return {
    check: 'model',
    status: failed || !explained.finite ? 'warning' : 'ok',
    found: `${path} loads, with ${layers} layers`,
    details: [`signature ${signature}: ${specs(inputs)} → ${specs(outputs)}`, exposes, explains],
    mend: failed
      ? 'name what to explain by: see `keras-explainable layers`, and --layer of explain'
      : undefined,
    facts: { path, signature, ...probed },
  };
}
