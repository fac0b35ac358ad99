/** The service's options: flags, then environment variables, then defaults. */
import { parseArgs } from 'node:util';

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

/**
 * Each option has an environment variable, a default and a description. An option is a number if its default is a
 * number; the number is at most `most`. With `values`, the option is one of these words.
 */
const OPTIONS = {
  model: { env: 'MODEL', help: 'SavedModel directory or frozen .pb (required)' },
  labels: { env: 'LABELS', help: 'text file with one class name per line' },
  layer: { env: 'LAYER', help: 'layer of the explained activations; default: before the last pooling' },
  size: { env: 'SIZE', default: 0, help: 'side of the pictures if the model accepts any size' },
  preprocess: { env: 'PREPROCESS', default: 'none', help: 'none, unit, tf, torch or caffe' },
  host: { env: 'HOST', default: '127.0.0.1', help: 'address to listen on' },
  port: { env: 'PORT', default: 3000, most: 65_535, help: 'port to listen on; 0: any' },
  'max-batch-size': { env: 'MAX_BATCH_SIZE', default: 8, help: 'maximum number of requests in a batch' },
  'max-delay-ms': { env: 'MAX_DELAY_MS', default: 5, help: 'maximum wait for other requests of a batch' },
  'max-queue-size': {
    env: 'MAX_QUEUE_SIZE',
    default: 64,
    help: 'maximum number of pictures that wait for a batch',
  },
  'max-requests': {
    env: 'MAX_REQUESTS',
    default: 128,
    help: 'maximum number of requests in progress',
  },
  'max-body-bytes': { env: 'MAX_BODY_BYTES', default: 10_000_000, help: 'maximum size of a body' },
  'max-pixels': { env: 'MAX_PIXELS', default: 25_000_000, help: 'maximum size of a picture' },
  'body-timeout-ms': {
    env: 'BODY_TIMEOUT_MS',
    default: 10_000,
    help: 'maximum time for a request to arrive',
  },
  'timeout-ms': { env: 'TIMEOUT_MS', default: 10_000, help: 'maximum wait for an explanation' },
  'shutdown-ms': { env: 'SHUTDOWN_MS', default: 15_000, help: 'maximum time to answer accepted requests' },
  'log-level': { env: 'LOG_LEVEL', default: 'info', values: LEVELS, help: LEVELS.join(', ') },
};

export class UsageError extends Error {}

/**
 * @param {readonly string[]} args the command line's arguments
 * @param {NodeJS.ProcessEnv} env
 * @returns the options by their names in camelCase, or null for `--help`
 */
export function readOptions(args, env) {
  const flags = Object.fromEntries(Object.keys(OPTIONS).map((name) => [name, { type: 'string' }]));
  let values;
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: { ...flags, help: { type: 'boolean', short: 'h' } },
    }));
  } catch (error) {
    throw new UsageError(error.message);
  }
  if (values.help) return null;
  const options = {};
  for (const [name, option] of Object.entries(OPTIONS)) {
    const { env: variable, default: fallback } = option;
    const key = name.replace(/-([a-z])/g, (_, letter) => letter.toUpperCase());
    const text = values[name] ?? env[variable];
    options[key] = text === undefined ? fallback : parseValue(name, option, text);
  }
  if (options.model === undefined) throw new UsageError('--model is missing: pass --model DIRECTORY.');
  return options;
}

function parseValue(name, { default: fallback, most = Number.MAX_SAFE_INTEGER, values }, text) {
  const refuse = (expected) => new UsageError(`--${name}: expected ${expected}, received "${text}".`);
  if (values !== undefined && !values.includes(text)) throw refuse(`one of ${values.join(', ')}`);
  if (typeof fallback !== 'number') return text;
  if (!/^\d+$/.test(text)) throw refuse('a whole number');
  if (Number(text) > most) throw refuse(`at most ${most}`);
  return Number(text);
}

export function usage() {
  const rows = Object.entries(OPTIONS).map(([name, { env, default: fallback, help }]) => {
    const left = `  --${name} (${env})`.padEnd(38);
    return `${left}${help}${fallback === undefined || fallback === '' ? '' : ` [${fallback}]`}`;
  });
  return `Usage: node server.mjs --model DIRECTORY [options]\n\n${rows.join('\n')}\n`;
}
