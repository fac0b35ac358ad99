/**
 * The tests that need TensorFlow, native and integration, without oneDNN: TensorFlow's own kernels compute, as on
 * machines whose CPU has no instructions for neural networks. Arguments, such as the name of a file, are passed to
 * vitest.
 */
import { main, step } from './setup/process.mjs';
import { vitest } from './setup/vitest.mjs';
import { setup } from './setup.mjs';
import { testNative } from './test-native.mjs';

main(async () => {
  process.env.TF_ENABLE_ONEDNN_OPTS = '0';
  const directory = await setup({ tests: true });
  const args = process.argv.slice(2);
  const native = args.length === 0 ? await testNative(directory) : 0;
  step('Running the TypeScript tests without oneDNN');
  return native || (await vitest(['run', '--project', 'integration', ...args]));
});
