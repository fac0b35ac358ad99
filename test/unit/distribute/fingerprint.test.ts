import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fingerprintOf } from '../../../lib/distribute/fingerprint.js';

test('a model of TensorFlow.js is told from others by its JSON file and by its shards', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'fingerprint-'));
  try {
    const write = (name: string, text: string) => writeFile(join(directory, name), text);
    await write('age.json', '{}');
    await write('gender.json', '{}');
    await write('shard.bin', 'weights');
    const age = await fingerprintOf(join(directory, 'age.json'));
    expect(await fingerprintOf(join(directory, 'age.json'))).toBe(age);
    expect(await fingerprintOf(join(directory, 'gender.json'))).not.toBe(age);
    await write('shard.bin', 'trained');
    expect(await fingerprintOf(join(directory, 'age.json'))).not.toBe(age);
  } finally {
    await rm(directory, { recursive: true });
  }
});
