/**
 * Preloaded into Node by scripts/setup/vitest.mjs, in every process and worker: whoever loads the addon gets the file
 * that KE_OTHER_ADDON names, which is built with sanitizers or for coverage.
 */
const path = require('node:path');

const { dlopen } = process;
process.dlopen = (module, file, ...flags) => {
  const ours = path.basename(file) === 'keras_explainable.node';
  return dlopen.call(process, module, ours ? process.env.KE_OTHER_ADDON : file, ...flags);
};
