/**
 * Clients of all kinds for the server example, in a process of their own: some want an answer, some leave before they
 * have it, some send garbage, some hardly send at all. Prints what each kind met with, as JSON.
 *
 * Usage: node server_load.mjs PORT MILLISECONDS PICTURE...
 */
import { readFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';

const [port, milliseconds, ...paths] = process.argv.slice(2);
const pictures = paths.map((path) => ({
  path,
  type: path.endsWith('.png') ? 'image/png' : 'image/jpeg',
  bytes: readFileSync(path),
}));
const end = performance.now() + Number(milliseconds);
const met = {};
const count = (kind, what) => {
  met[kind] ??= {};
  met[kind][what] = (met[kind][what] ?? 0) + 1;
};
/** From 0 to 1, the same in every run. */
let seed = 1;
const random = () => {
  seed = (seed * 48271) % 2147483647;
  return seed / 2147483647;
};

/** Posts `body`; `leaveAfter`: milliseconds after which the client hangs up. */
function post(body, { type = 'image/png', query = '', length = body.length, leaveAfter } = {}) {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': type, 'content-length': length };
    const request = http.request({ port, path: `/explain${query}`, method: 'POST', headers, agent: false });
    let leaving;
    request.on('response', async (response) => {
      try {
        const chunks = [];
        for await (const chunk of response) chunks.push(chunk);
        const text = Buffer.concat(chunks).toString();
        resolve({ status: response.statusCode, headers: response.headers, body: JSON.parse(text) });
      } catch (error) {
        reject(error);
      }
    });
    request.on('error', reject);
    request.on('close', () => clearTimeout(leaving));
    if (length === body.length) request.end(body);
    else request.write(body);
    if (leaveAfter !== undefined) leaving = setTimeout(() => request.destroy(new Error('left')), leaveAfter);
  });
}

/** Repeats `work` until time is up, and counts what it returns, or the code of what it throws. */
async function repeat(kind, work) {
  while (performance.now() < end) {
    count(kind, await work().catch((error) => error.code ?? error.message));
  }
}

/** Wants an answer, and the right one: that of its own picture. */
async function good() {
  const { type, bytes, scores } = pictures[Math.floor(random() * pictures.length)];
  const { status, headers, body } = await post(bytes, { type, query: '?top=10' });
  if (status === 503) {
    await wait(20);
    return headers['retry-after'] === undefined ? '503 without retry-after' : 503;
  }
  if (status !== 200) return status;
  if (body.overlay.length < 1000) return 'no overlay';
  const off = body.classes.some(({ unit, score }) => Math.abs(score - scores.get(unit)) > 1e-4);
  return off ? "another's scores" : 200;
}

async function leaving() {
  const { type, bytes } = pictures[0];
  const half = random() < 0.3;
  const { status } = await post(half ? bytes.subarray(0, 500) : bytes, {
    type,
    length: bytes.length,
    leaveAfter: random() * 20,
  });
  return status;
}

/** A PNG of a kilobyte that declares a square of 30000 pixels. */
function bomb() {
  const header = Buffer.from(pictures.find(({ type }) => type === 'image/png').bytes.subarray(0, 1000));
  header.writeUInt32BE(30000, 16);
  header.writeUInt32BE(30000, 20);
  return header;
}

const GARBAGE = [
  () => post(Buffer.from('no picture at all')),
  () => post(pictures[0].bytes.subarray(0, 2000), { type: pictures[0].type }),
  () => post(Buffer.alloc(0)),
  () => post(pictures[0].bytes, { type: 'text/html' }),
  () => post(pictures[0].bytes, { query: '?unit=10' }),
  () => post(pictures[0].bytes, { query: '?top=none' }),
  () => post(pictures[0].bytes, { query: '?alhpa=0.5' }),
  () => post(Buffer.alloc(300_000, 1)),
  () => post(bomb()),
];
let turn = 0;
async function garbage() {
  const { status, body } = await GARBAGE[turn++ % GARBAGE.length]();
  return body.status === status ? status : `${status} without problem details`;
}

/** A few bytes that are no HTTP. */
function noise() {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, () => socket.write('\x16\x03\x01 hello\r\n\r\n'));
    let text = '';
    socket.on('data', (data) => {
      text += data;
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(text.slice(9, 12)));
  });
}

/** Sends a few bytes and then nothing: the server is to end that. */
async function slow() {
  const { status } = await post(Buffer.from('x'), { length: 1000 });
  return status;
}

for (const picture of pictures) {
  const { body } = await post(picture.bytes, { type: picture.type, query: '?top=10' });
  picture.scores = new Map(body.classes.map(({ unit, score }) => [unit, score]));
}
const clients = [
  ...Array.from({ length: 10 }, () => repeat('good', good)),
  ...Array.from({ length: 4 }, () => repeat('leaving', leaving)),
  ...Array.from({ length: 2 }, () => repeat('garbage', garbage)),
  ...Array.from({ length: 2 }, () => repeat('slow', slow)),
  repeat('noise', noise),
];
await Promise.all(clients);
console.log(JSON.stringify(met));
