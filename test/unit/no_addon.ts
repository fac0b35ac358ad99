/** Keeps unit tests free of native code: they run in a clone in which nothing is built. */
const { dlopen } = process;

process.dlopen = (module: object, file: string, flags?: number) => {
  if (file.endsWith('keras_explainable.node')) {
    throw new Error(
      'A unit test loads the native addon; a test that needs the addon belongs to test/integration.',
    );
  }
  return flags === undefined ? dlopen(module, file) : dlopen(module, file, flags);
};
