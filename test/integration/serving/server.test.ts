/** The server example, as a process of its own, under load from another. It runs on dist/, as a user's would. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const PICTURES = ['demo/images/04-digit-3.png', 'demo/images/09-digit-8.jpg', 'demo/images/02-digit-1.png'];

interface Server {
  readonly child: ChildProcess;
  readonly port: number;
  /** All that it wrote. */
  log(): string;
}

const children: ChildProcess[] = [];
/** Whatever a failed test has left. */
afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
});

/** A server that is ready, with small limits so that they are met. */
async function start(...args: string[]): Promise<Server> {
  const child = spawn(
    process.execPath,
    [
      'examples/server/server.mjs',
      ...['--model', 'demo/model', '--labels', 'demo/labels.txt', '--port', '0'],
      ...['--body-timeout-ms', '700', '--max-body-bytes', '200000', ...args],
    ],
    { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  children.push(child);
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data: Buffer) => {
      text += data;
    });
  }
  while (!text.includes('"msg":"ready"')) {
    if (child.exitCode !== null) throw new Error(`The server has ended:\n${text}`);
    await wait(20);
  }
  return { child, port: Number(text.match(/127\.0\.0\.1:(\d+)/)?.[1]), log: () => text };
}

interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
}

function ask(port: number, path: string, options: http.RequestOptions = {}, body?: Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = http.request({ port, path, agent: false, ...options }, async (response) => {
      try {
        const chunks: Buffer[] = [];
        for await (const chunk of response) chunks.push(chunk as Buffer);
        const text = Buffer.concat(chunks).toString('latin1');
        resolve({ status: response.statusCode as number, headers: response.headers, text });
      } catch (error) {
        reject(error);
      }
    });
    request.on('error', reject).end(body);
  });
}

const picture = readFileSync(new URL(`../../../${PICTURES[0]}`, import.meta.url));
const post = (port: number, query = '', headers: http.OutgoingHttpHeaders = {}) =>
  ask(
    port,
    `/explain${query}`,
    { method: 'POST', headers: { 'content-type': 'image/png', ...headers } },
    picture,
  );

/** The sum of a metric over its labels. */
async function metric(port: number, name: string): Promise<number> {
  const { text } = await ask(port, '/metrics');
  const values = [...text.matchAll(new RegExp(`^${name}(?:\\{.*\\})? (.*)$`, 'gm'))].map(([, value]) =>
    Number(value),
  );
  expect(values, name).not.toEqual([]);
  return values.reduce((sum, value) => sum + value, 0);
}

async function ended({ child }: Server): Promise<{ code: number | null; signal: string | null }> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return { code: child.exitCode, signal: child.signalCode };
}

describe('the server example', () => {
  let server: Server;
  beforeAll(async () => {
    server = await start('--max-requests', '16', '--max-queue-size', '6');
  });
  it('answers with scores and an overlay', async () => {
    const { status, text } = await post(server.port, '?top=2');
    expect(status).toBe(200);
    const { explained, classes, overlay } = JSON.parse(text);
    expect(explained).toMatchObject({ unit: 3, label: '3', score: expect.any(Number) });
    expect(classes).toHaveLength(2);
    expect(classes[0]).toEqual(explained);
    expect(Buffer.from(overlay, 'base64').subarray(1, 4).toString()).toBe('PNG');
  });

  it('answers with the overlay alone where a picture is asked for', async () => {
    const { status, headers, text } = await post(server.port, '?unit=8&alpha=0.3', { accept: 'image/png' });
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      'content-type': 'image/png',
      'x-explained-unit': '8',
      'x-explained-label': '8',
    });
    expect(text.slice(1, 4)).toBe('PNG');
  });

  it('says how it is', async () => {
    for (const path of ['/healthz', '/readyz']) expect((await ask(server.port, path)).status).toBe(200);
    expect(await metric(server.port, 'explainer_calls_total')).toBeGreaterThanOrEqual(2);
    expect(await metric(server.port, 'nodejs_eventloop_lag_p99_seconds')).toBeGreaterThan(0);
    expect((await ask(server.port, '/nowhere')).status).toBe(404);
  });

  it('lives through clients that leave, send garbage or hardly send, and answers the others', async () => {
    const handles = () => metric(server.port, 'nodejs_active_handles_total');
    const before = await handles();
    const load = spawn(
      process.execPath,
      [fileURLToPath(new URL('server_load.mjs', import.meta.url)), String(server.port), '4000', ...PICTURES],
      { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] },
    );
    let out = '';
    load.stdout.on('data', (data: Buffer) => {
      out += data;
    });
    children.push(load);
    const [code] = await once(load, 'close');
    expect(code).toBe(0);
    const met = JSON.parse(out) as Record<string, Record<string, number>>;
    const kinds = (name: string) => Object.keys(met[name] ?? {}).sort();

    // Every one that wanted an answer got one: its own scores, or the advice to come again later.
    expect(kinds('good').filter((kind) => kind !== '503')).toEqual(['200']);
    expect(met.good?.['200']).toBeGreaterThan(20);
    // A body that is refused unread may end with its connection.
    const unread = ['503', 'ECONNRESET', 'EPIPE'];
    expect(kinds('garbage').filter((kind) => !unread.includes(kind))).toEqual(['400', '413', '415']);
    expect(kinds('noise')).toEqual(['400']);
    // Node answers 408, or has closed the connection before that could be read.
    expect(kinds('slow').filter((kind) => kind !== '408' && !unread.includes(kind))).toEqual([]);
    expect(met.leaving?.left).toBeGreaterThan(10);

    expect((await ask(server.port, '/readyz')).status).toBe(200);
    expect((await post(server.port)).status).toBe(200);
    // The last request of those that left may still be in flight.
    for (let i = 0; i < 100 && (await metric(server.port, 'http_requests_in_work')) > 0; i++) await wait(20);
    for (const name of ['explainer_waiting', 'explainer_in_flight', 'http_requests_in_work']) {
      expect(await metric(server.port, name), name).toBe(0);
    }
    for (let i = 0; i < 100 && (await handles()) > before; i++) await wait(20);
    expect(await handles()).toBeLessThanOrEqual(before);
    // Nothing was unexpected: Fastify logs errors by level 50, Node unhandled rejections by their name.
    expect(server.log()).not.toMatch(/"level":50|[Uu]nhandled/);
  });

  it('answers what it has accepted when it is told to end, and ends', async () => {
    const answers: Promise<number>[] = [];
    const connected: Promise<unknown>[] = [];
    for (let i = 0; i < 30; i++) {
      const headers = { 'content-type': 'image/png', 'content-length': picture.length };
      const request = http.request({
        port: server.port,
        path: '/explain',
        method: 'POST',
        headers,
        agent: false,
      });
      answers.push(once(request, 'response').then(([response]) => response.resume().statusCode));
      connected.push(new Promise((resolve) => request.end(picture, () => resolve(undefined))));
    }
    await Promise.all(connected);
    // Connections are accepted in their order: when this one is answered, the others have been.
    await ask(server.port, '/healthz');
    server.child.kill('SIGTERM');
    const statuses = await Promise.all(answers);
    expect(statuses.filter((status) => status !== 503 && status !== 200)).toEqual([]);
    expect(statuses).toContain(200);
    expect(await ended(server)).toEqual({ code: 0, signal: null });
    await expect(ask(server.port, '/healthz')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(server.log()).toMatch(/"msg":"bye"/);
  });
});

describe('the server example ends', () => {
  it('when its time is up, though a client never finishes its request', async () => {
    const server = await start('--body-timeout-ms', '60000', '--shutdown-ms', '300');
    const headers = { 'content-type': 'image/png', 'content-length': 1000 };
    const request = http.request({
      port: server.port,
      path: '/explain',
      method: 'POST',
      headers,
      agent: false,
    });
    const failed = once(request, 'error').catch((error: unknown) => [error]);
    request.write('x');
    await ask(server.port, '/healthz');
    server.child.kill('SIGINT');
    expect(await ended(server)).toEqual({ code: 0, signal: null });
    expect((await failed)[0]).toMatchObject({ code: 'ECONNRESET' });
  });

  it('with a word about options that it does not understand', async () => {
    const child = spawn(process.execPath, ['examples/server/server.mjs', '--modle', 'x'], {
      cwd: ROOT,
      env: {},
    });
    let text = '';
    child.stderr.on('data', (data: Buffer) => {
      text += data;
    });
    const [code] = await once(child, 'close');
    expect(code).toBe(2);
    expect(text).toMatch(/^Unknown option '--modle'.*\n\nUsage:/s);
  });

  it.each([
    [[], '--model is missing'],
    [['--port', 'many'], '--port: expected a whole number, received "many".'],
    [['--port', '65536'], '--port: expected at most 65535'],
    [['--log-level', 'loud'], '--log-level: expected one of trace, debug, info'],
  ])('at once where they are wrong: %j', async (args, message) => {
    const { readOptions } = await import(
      new URL('../../../examples/server/options.mjs', import.meta.url).href
    );
    const model = args.length === 0 ? [] : ['--model', 'demo/model'];
    expect(() => readOptions([...model, ...args], {})).toThrow(message);
    expect(() => readOptions(model, { PORT: '65536', MODEL: 'x' })).toThrow('--port');
  });
});

describe('what goes wrong', () => {
  it('is a problem that tells the client what it needs to know', async () => {
    const load = (path: string) => import(new URL(`../../../${path}`, import.meta.url).href);
    const { problemOf } = await load('examples/server/problems.mjs');
    const ke = await load('dist/index.js');
    const of = (error: unknown) => {
      const { status, retryAfterMs, message } = problemOf(error);
      return { status, retryAfterMs, message };
    };
    expect(of(new ke.QueueFullError(8, 8, 2500))).toMatchObject({ status: 503, retryAfterMs: 2500 });
    expect(of(new ke.TimeoutError('late'))).toMatchObject({ status: 503, retryAfterMs: 1000 });
    expect(of(new ke.CancelledError())).toMatchObject({ status: 499 });
    expect(of(new ke.KerasExplainableError('CLOSED', 'closed'))).toMatchObject({ status: 503 });
    expect(of(new ke.ImageError('OUT_OF_RANGE', 'too large'))).toMatchObject({
      status: 413,
      message: 'too large',
    });
    expect(of(Object.assign(new Error('too long'), { statusCode: 413 }))).toMatchObject({ status: 413 });
    for (const secret of [new Error('password'), new RangeError('password'), 'password', undefined]) {
      expect(of(secret)).toMatchObject({ status: 500, message: expect.not.stringContaining('password') });
    }
  });
});
