/**
 * Preloaded into Node by scripts/test-sanitized.mjs, in every process and worker: whoever loads the addon gets the one
 * that was built with sanitizers.
 */
const path = require('node:path');

const { dlopen } = process;
process.dlopen = (module, file, ...flags) => {
  const ours = path.basename(file) === 'keras_explainable.node';
  return dlopen.call(process, module, ours ? process.env.KERAS_EXPLAINABLE_SANITIZED : file, ...flags);
};
