/** Checks environment variables and the directories that the package writes to. */

import { whyNotWritable } from '../../support/writable.js';
import { cacheRoot } from '../../tensorflow/library_layout.js';
import type { Finding } from './finding.js';

/**
 * Prefixes of the variables that the libraries of TensorFlow 2.21 read. Other variables with TF_ belong to Terraform
 * (TF_CLI_CONFIG_FILE, TF_VAR_..., TF_LOG, TF_DATA_DIR).
 */
const TENSORFLOW =
  /^TF_(AUTO_MIXED_PRECISION|BFC|CONV2D|CPP|CPU|CUBLAS|CUDA|CUDNN|DATA_EXPERIMENT|DEBUG|DETERMINISTIC|DISABLE|DUMP|EAGER|ENABLED?|FORCE|FP16|GPU|GRAPH|GRPC|JITRT|LOG_XLA|MATMUL|MKL|NUM|ONEDNN|OVERRIDE|PER_DEVICE|RUN_HANDLER|SET_ONEDNN|SYNC|USE|XLA)_/;
/** Variables that change the behaviour of this package, Node, pip or TensorFlow's libraries. */
const RELEVANT =
  /^(KERAS_EXPLAINABLE_|XLA_FLAGS$|CUDA_|PIP_|OMP_|KMP_|MKL_|ONEDNN_|DNNL_)|^((https?|all|no)_proxy|XDG_CACHE_HOME|LD_(LIBRARY_PATH|PRELOAD)|DYLD_LIBRARY_PATH|VIRTUAL_ENV|CONDA_PREFIX|CXX|NODE_OPTIONS|UV_THREADPOOL_SIZE|NO_COLOR|FORCE_COLOR|DEBUG|CI)$/i;

/** Names of variables whose values are secret and are not shown. */
const SECRET = /TOKEN|PASS|SECRET|CREDENTIAL|AUTH|KEY/i;

export function environmentFinding(env: NodeJS.ProcessEnv = process.env): Finding {
  const set = Object.entries(env)
    .filter(
      (entry): entry is [string, string] =>
        entry[1] !== undefined && (TENSORFLOW.test(entry[0]) || RELEVANT.test(entry[0])),
    )
    // The command line sets this one itself.
    .filter(([name, value]) => name !== 'TF_CPP_MIN_LOG_LEVEL' || value !== '3')
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => [name, SECRET.test(name) ? '***' : withoutCredentials(value)] as const);
  return {
    check: 'environment',
    status: 'ok',
    found:
      set.length === 0
        ? 'no variable that matters here is set'
        : set.length === 1
          ? '1 variable that matters here'
          : `${set.length} variables that matter here`,
    details: set.map(([name, value]) => `${name}=${value}`),
    facts: Object.fromEntries(set),
  };
}

/**
 * Returns a value without secrets: the text before an @ (user and password of a URL or proxy) and the query of a URL
 * are left out.
 */
export function withoutCredentials(value: string): string {
  return value
    .split(/(\s+)/)
    .map((word) =>
      word.replace(/^((?:[^\s/@]*:\/\/)?).*@/, '$1***@').replace(/^([^?#]*:\/\/[^?#]*)[?#].*$/, '$1?***'),
    )
    .join('');
}

export async function cacheFinding(): Promise<Finding> {
  const directory = cacheRoot();
  const reason = await whyNotWritable(directory);
  return {
    check: 'cache',
    status: reason === null ? 'ok' : 'warning',
    found: reason === null ? `${directory} can be written to` : reason,
    mend:
      reason === null
        ? undefined
        : 'install-tensorflow needs it: set XDG_CACHE_HOME to a directory that can be written to',
    facts: { directory, writable: reason === null },
  };
}
