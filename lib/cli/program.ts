import { Command, CommanderError } from 'commander';
import { packageVersion } from '../binding/loader.js';
import { benchCommand } from './bench/command.js';
import { buildCommand } from './build_addon.js';
import { convertCommand } from './convert/command.js';
import { doctorCommand } from './doctor/command.js';
import { explainCommand } from './explain/command.js';
import { installCommand } from './install_tensorflow.js';
import { layersCommand } from './layers/command.js';
import { predictCommand } from './predict/command.js';
import { describeError, exitCodeOf, exitCodes } from './shared/failure.js';
import { hasColours, paint, printableLines, type Terminal, writeLine } from './shared/terminal.js';
import { workerCommand } from './worker/command.js';

const EXAMPLES = `
Examples:
  $ npx keras-explainable doctor                                       # is all there that is needed?
  $ npx keras-explainable layers --model saved_model                   # what is in the model?
  $ npx keras-explainable explain --model saved_model --images 'photos/*.jpg' --out maps
  $ npx keras-explainable help explain                                 # each command has examples

Exit codes: 0 done, 1 something failed, 2 wrong arguments, 130 interrupted.
Colours: on a terminal, unless NO_COLOR is set; everywhere, where FORCE_COLOR is.`;

/** Runs the command line. Returns the exit code: 0 success, 1 failure, 2 wrong arguments, 130 interrupted. */
export async function run(args: readonly string[], terminal: Terminal): Promise<number> {
  let code: number = exitCodes.success;
  try {
    const program = buildProgram(terminal, (result) => {
      code = result;
    });
    await program.parseAsync([...args], { from: 'user' });
    return code;
  } catch (error) {
    // Commander has already printed its message.
    if (!(error instanceof CommanderError)) {
      const message = printableLines(describeError(error, Boolean(process.env.DEBUG)));
      await writeLine(terminal.err, `${paint(terminal.err, 'red', 'error:')} ${message}`);
    }
    return exitCodeOf(error);
  }
}

function buildProgram(terminal: Terminal, done: (code: number) => void): Command {
  const program = new Command('keras-explainable')
    .description('Shows where a Keras / TensorFlow vision model looked.')
    .version(packageVersion())
    .addHelpText('after', EXAMPLES)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.out.write(text),
      writeErr: (text) => terminal.err.write(text),
      outputError: (text, write) => write(text.replace(/^error:/, paint(terminal.err, 'red', 'error:'))),
      getOutHasColors: () => hasColours(terminal.out),
      getErrHasColors: () => hasColours(terminal.err),
    })
    .showHelpAfterError("Run it with --help to see the options, or 'keras-explainable help'.");
  // Only commands that are created later inherit `exitOverride` and output settings, so commands are added last.
  const commands = [
    explainCommand,
    predictCommand,
    layersCommand,
    convertCommand,
    benchCommand,
    workerCommand,
    doctorCommand,
    installCommand,
    buildCommand,
  ];
  for (const make of commands) program.addCommand(make(terminal, done).copyInheritedSettings(program));
  return program;
}
