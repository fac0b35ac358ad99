import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { runCli } from './support.js';

const PAGE = readFileSync(new URL('../../../docs/cli.md', import.meta.url), 'utf8');
const COMMANDS = ['explain', 'predict', 'layers', 'bench', 'worker', 'doctor', 'install-tensorflow', 'build'];

/** The part of the page below a command's heading. */
function sectionOf(command: string): string {
  const [, section = ''] = PAGE.split(`\n## \`${command}\`\n`);
  return section.split(/\n## /)[0] as string;
}

describe('docs/cli.md', () => {
  test.each(COMMANDS)('has every option of %s, and no other', async (command) => {
    const { out } = await runCli(command, '--help');
    const options = [...out.matchAll(/^ {2}(?:-\w, )?(--[a-z-]+)(?: ([<[][^>\]]+[>\]]))?/gm)]
      .map(([, flag, value]) => (value === undefined ? flag : `${flag} ${value}`))
      .filter((option) => option !== '--help');
    const rows = sectionOf(command)
      .split('\n')
      .filter((line) => line.startsWith('| `--'))
      .map((line) => line.split(' | ')[0] as string);
    const named = rows.flatMap((row) => [...row.matchAll(/`(--[^`]+)`/g)].map(([, option]) => option));
    expect(named.sort()).toEqual(options.sort());
  });

  test('its lines of JSON are JSON', () => {
    const blocks = [...PAGE.matchAll(/^```json\n(.*?)^```/gms)].flatMap(([, text]) =>
      (text as string).trim().split('\n'),
    );
    expect(blocks.length).toBeGreaterThan(5);
    for (const line of blocks) expect(JSON.parse(line)).toHaveProperty('type');
  });
});
