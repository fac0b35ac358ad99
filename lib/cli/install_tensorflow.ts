import { Command } from 'commander';
import { type InstallProgress, installTensorflow } from '../tensorflow/install.js';
import { oneOf } from './shared/common_options.js';
import { exitCodes } from './shared/failure.js';
import { onInterrupt } from './shared/interrupt.js';
import { startProgress } from './shared/progress_bar.js';
import { type Terminal, writeLine } from './shared/terminal.js';

const PHASES: Record<InstallProgress['phase'], string> = {
  wait: 'waiting for',
  download: 'downloading',
  verify: 'verifying',
  unpack: 'unpacking',
};

interface InstallFlags {
  readonly variant: 'cpu' | 'gpu';
  readonly from: string;
  readonly cuda?: boolean;
  readonly force: boolean;
}

/** `keras-explainable install-tensorflow`: installs the pinned libtensorflow in the user's cache. */
export function installCommand(terminal: Terminal, done: (code: number) => void): Command {
  return new Command('install-tensorflow')
    .description('Installs the libtensorflow that this package runs on into its cache.')
    .option('--variant <variant>', "'cpu' or 'gpu'", oneOf(['cpu', 'gpu'] as const), 'cpu' as const)
    .option('--from <source>', "'pip' (the configured package index), 'tarball', or a directory", 'pip')
    .option(
      '--cuda',
      "for 'gpu': NVIDIA's libraries too, 2.8 GB (default: where an NVIDIA driver is installed)",
    )
    .option('--no-cuda', "for 'gpu': without them, where the machine has its own")
    .option('--force', 'install again where it is installed', false)
    .addHelpText(
      'after',
      `
Examples:
  $ npx keras-explainable install-tensorflow
  $ npx keras-explainable install-tensorflow --variant gpu
  $ npx keras-explainable install-tensorflow --from ./wheels      # a machine without network

Environment:
  KERAS_EXPLAINABLE_PYTHON               the Python whose pip fetches the wheel
  KERAS_EXPLAINABLE_TENSORFLOW_TARBALL   with --from tarball: the archive's path or URL
  KERAS_EXPLAINABLE_TENSORFLOW_TARBALL_SHA256   its SHA-256, required for a URL

Exit codes: 0 installed, 1 it failed, 2 wrong arguments, 130 interrupted.`,
    )
    .action(async ({ variant, from, cuda, force }: InstallFlags) => {
      const interrupt = onInterrupt();
      const progress = startProgress(terminal, 0, (bytes) => `${(bytes / 1e6).toFixed(0)} MB`);
      try {
        const installed = await installTensorflow({
          variant,
          from,
          cuda,
          force,
          signal: interrupt.signal,
          onProgress: ({ phase, item, bytes, total }) =>
            progress.update(bytes, total, `${PHASES[phase]} ${item}`),
        });
        progress.stop();
        const verb = installed.installed ? 'Installed' : 'Already there:';
        await writeLine(
          terminal.out,
          `${verb} TensorFlow ${installed.version} (${installed.variant}) in ${installed.directory}`,
        );
      } catch (error) {
        progress.stop();
        if (!interrupt.signal.aborted) throw error;
        await writeLine(terminal.err, 'Interrupted: nothing was installed.');
        done(exitCodes.interrupted);
      } finally {
        interrupt.dispose();
      }
    });
}
