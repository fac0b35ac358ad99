import { afterEach, expect, test } from 'vitest';
import { closePeers, Peer, sharedPeer } from '../../../bench/peers/peer.mjs';

/** Answers with what it was asked, and fails, ends or gives maps where it is told to. */
const SCRIPT = `
const { createInterface } = require('node:readline');
let opened = 0;
const maps = { shape: [1, 2], data: Buffer.from(Float32Array.of(1.5, -2).buffer).toString('base64') };
createInterface({ input: process.stdin }).on('line', (line) => {
  const question = JSON.parse(line);
  if (question.do === 'open') opened++;
  if (question.do === 'end') { process.stderr.write('out of luck'); process.exit(3); }
  const answer = { memory: { bytes: opened }, maps, measure: { seconds: 0.5 }, fail: { error: 'no such job' } };
  process.stdout.write(JSON.stringify(answer[question.do] ?? question) + '\\n');
});`;

const start = async () => new Peer(process.execPath, ['-e', SCRIPT]);

afterEach(closePeers);

test('answers one question after the other', async () => {
  const peer = await sharedPeer(start);
  expect(await peer.ask({ do: 'echo', x: 1 })).toEqual({ do: 'echo', x: 1 });
  const job = await peer.open({ samples: 8 });
  expect(await job.rate()).toBe(16);
  expect(await job.maps()).toEqual({ shape: [1, 2], data: Float32Array.of(1.5, -2) });
});

test('is shared, and so are its jobs', async () => {
  const peer = await sharedPeer(start);
  expect(await sharedPeer(start)).toBe(peer);
  for (const samples of [8, 8, 4]) await peer.open({ samples });
  expect(await peer.memory()).toBe(2);
});

test('says what it failed by, and goes on', async () => {
  const peer = await sharedPeer(start);
  await expect(peer.ask({ do: 'fail' })).rejects.toThrow('no such job');
  expect(await peer.ask({ do: 'echo' })).toEqual({ do: 'echo' });
});

test('says what it ended by', async () => {
  const peer = await sharedPeer(start);
  await expect(peer.ask({ do: 'end' })).rejects.toThrow(/has ended.*out of luck/s);
});
