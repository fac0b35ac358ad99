import { Command } from 'commander';
import { exitCodes } from '../shared/failure.js';
import { interruptible } from '../shared/interrupt.js';
import { allowOpsOption, allowRandomOption, MODEL_PATH, signatureOption } from '../shared/loading.js';
import { type Terminal, writeJson, writeLine } from '../shared/terminal.js';
import { cacheFinding, environmentFinding } from './environment.js';
import { type Finding, printFinding } from './finding.js';
import { modelFinding } from './model_finding.js';
import { addonFinding, devicesFinding, libraryFinding } from './native.js';
import type { ModelProbe } from './probe_model.js';
import { cpuFinding, memoryFinding, nodeFinding } from './system.js';
import { canvasFinding, findTools, toolsFinding } from './tools.js';

interface DoctorOptions {
  readonly model?: string;
  readonly signature?: string;
  readonly allowOps?: readonly string[];
  readonly allowRandom?: boolean;
  readonly json: boolean;
}

const EXAMPLES = `
Examples:
  $ npx keras-explainable doctor
  $ npx keras-explainable doctor --model saved_model
  $ npx keras-explainable doctor --json > report.json      # to go with a bug report; credentials are left out

Exit codes: 0 nothing essential is missing, 1 something is, 2 wrong arguments, 130 interrupted.`;

/** `keras-explainable doctor`: checks the requirements of the package on this machine, and says how to fix problems. */
export function doctorCommand(terminal: Terminal, done: (code: number) => void): Command {
  return new Command('doctor')
    .description('Says what was found and what is missing on this machine, and how to fix it.')
    .option('--model <path>', `${MODEL_PATH}, to load and explain, too`)
    .addOption(signatureOption())
    .addOption(allowOpsOption())
    .addOption(allowRandomOption())
    .option('--json', 'print one JSON document instead of text', false)
    .addHelpText('after', EXAMPLES)
    .action((options: DoctorOptions) =>
      interruptible(terminal, done, (signal) => examine(options, terminal, signal)),
    );
}

/** Prints each finding as soon as it is known. Returns the exit code. */
async function examine(
  { model, signature, allowOps, allowRandom, json }: DoctorOptions,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<number> {
  const findings: Finding[] = [];
  const add = async (finding: Finding) => {
    findings.push(finding);
    if (!json) await printFinding(terminal, finding);
  };
  // Checks that wait for other processes start at once and are printed in their place.
  const [addonFound, canvas, tools] = [addonFinding(signal), canvasFinding(signal), findTools()];
  canvas.catch(() => undefined);
  addonFound.catch(() => undefined);
  await add(nodeFinding());
  await add(await cpuFinding());
  await add(memoryFinding());
  const addon = await addonFound;
  await add(addon.finding);
  const library = await libraryFinding(addon.path, signal);
  await add(library.finding);
  const devices = await devicesFinding(library.devices);
  if (devices !== null) await add(devices);
  await add(toolsFinding(await tools, addon.path === null || library.path === null));
  await add(await canvas);
  await add(await cacheFinding());
  await add(environmentFinding());
  if (model !== undefined) {
    const tried = addon.path === null ? null : library.path;
    const probe: ModelProbe = { kind: 'model', path: model, signature, allowOps, allowRandom };
    await add(await modelFinding(probe, tried, signal));
  }
  const missing = findings.filter(({ status }) => status === 'error');
  const ok = missing.length === 0;
  if (json) await writeJson(terminal.out, { ok, findings });
  else {
    const names = missing.map(({ check }) => check).join(', ');
    await writeLine(terminal.out, ok ? '\nNothing essential is missing.' : `\nTo fix: ${names}.`);
  }
  return ok ? exitCodes.success : exitCodes.failure;
}
