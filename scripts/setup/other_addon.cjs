/**
 * Replaces the addon by the file of KE_OTHER_ADDON, which is built with sanitizers or for coverage.
 * scripts/setup/vitest.mjs preloads this file in every process and worker of Node.
 */
const path = require('node:path');

const { dlopen } = process;
process.dlopen = (module, file, ...flags) => {
  const ours = path.basename(file) === 'keras_explainable.node';
  return dlopen.call(process, module, ours ? process.env.KE_OTHER_ADDON : file, ...flags);
};
