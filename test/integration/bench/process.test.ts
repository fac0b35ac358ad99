/** `npm run bench` as a process of its own, without the set-up that bench/main.mjs makes before. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '../helpers/cli_process.js';

/** Runs `code` with what bench/bench.mjs exports. */
function start(code: string) {
  const script = `import { bench, list } from './bench/bench.mjs'; ${code}`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const output = { text: '' };
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    output.text += chunk;
  });
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, out: output.text }));
  return { child, output, ended };
}

/** Waits until the process has printed `text`. */
async function printed(child: ChildProcess, output: { readonly text: string }, text: string): Promise<void> {
  while (!output.text.includes(text)) await once(child.stdout as NodeJS.ReadableStream, 'data');
}

test('--list has all titles in one column', async () => {
  const { code, out } = await start('list();').ended;
  expect(code).toBe(0);
  const lines = out.trimEnd().split('\n');
  expect(lines.length).toBeGreaterThan(20);
  const columns = lines.map((line) => /^\S+ {2,}(?=\S)/.exec(line)?.[0].length);
  expect(new Set(columns)).toEqual(new Set([columns[0]]));
  expect(columns[0]).toBe(Math.max(...lines.map((line) => line.split(' ', 1)[0]?.length ?? 0)) + 2);
});

test.each(['SIGINT', 'SIGTERM'] as const)('%s keeps the rounds that were done', async (name) => {
  const { child, output, ended } = start("await bench({ rows: ['calls', 'steps-8'], rounds: 1e6 });");
  await printed(child, output, 'Round 4 of');
  child.kill(name);
  const { code, signal, out } = await ended;
  expect({ code, signal }).toEqual({ code: 130, signal: null });
  const whole = Number(/^Interrupted: (\d+) of 1000000 rounds are complete\.$/m.exec(out)?.[1]);
  expect(whole).toBeGreaterThanOrEqual(3);
  expect(out).toMatch(
    /^\| explain, one sample of a tiny model, .* \| a call, µs \| [\d.]+ \| [\d.]+ \| {2}\|$/m,
  );
  expect(out).toMatch(
    /^\| explain, 512 steps of a tiny model, .* \| a step, µs \| [\d.]+ \| [\d.]+ \| {2}\|$/m,
  );
  const file = join(ROOT, /^Wrote (.*)$/m.exec(out)?.[1] as string);
  const report = JSON.parse(await readFile(file, 'utf8'));
  await rm(file);
  expect(report).toMatchObject({ interrupted: true, rounds: 1e6, left: [] });
  expect(report.results.map((row: { name: string }) => row.name)).toEqual(['calls', 'steps-8']);
  for (const { measured } of report.results) {
    expect(measured.length).toBeGreaterThanOrEqual(whole);
    expect(measured.length).toBeLessThanOrEqual(whole + 1);
  }
});

test('Ctrl-C before the first round leaves nothing to show', async () => {
  const { child, output, ended } = start("await bench({ rows: ['calls'], rounds: 1e6 });");
  await printed(child, output, 'Preparing calls');
  child.kill('SIGINT');
  const { code, out } = await ended;
  expect(code).toBe(130);
  expect(out).toContain('Interrupted: 0 of 1000000 rounds are complete.');
  expect(out).not.toContain('Wrote');
  expect(out).not.toContain('| what |');
});

test('a run that ends is not marked as interrupted', async () => {
  const { code, out } = await start("await bench({ rows: ['calls'], rounds: 1 });").ended;
  expect(code).toBe(0);
  expect(out).not.toContain('Interrupted');
  const file = join(ROOT, /^Wrote (.*)$/m.exec(out)?.[1] as string);
  const report = JSON.parse(await readFile(file, 'utf8'));
  await rm(file);
  expect(report).toMatchObject({ interrupted: false, rounds: 1 });
  expect(report.results[0].measured).toHaveLength(1);
});
