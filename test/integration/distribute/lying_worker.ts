/** What answers as TensorFlow's server does, and says what a test wants: a worker that is not to be believed. */
import { once } from 'node:events';
import { createServer, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';

/** Field numbers of tensorflow.proto's DataType. */
export const DTYPES = { float: 1, double: 2, string: 7, bool: 10 } as const;

export interface LyingTensor {
  readonly dtype: number;
  readonly dims: readonly number[];
  /** Its bytes; of a string, its text. */
  readonly content: Buffer;
}

/** What a run answers: a tensor for a fetch, or the status of the whole run. */
export type Answer = LyingTensor | { readonly status: number; readonly message: string };

export const card = (text: string): LyingTensor => ({
  dtype: DTYPES.string,
  dims: [],
  content: Buffer.from(text),
});
export const truth: LyingTensor = { dtype: DTYPES.bool, dims: [], content: Buffer.from([1]) };
export const floats = (dims: readonly number[]): LyingTensor => ({
  dtype: DTYPES.float,
  dims,
  content: Buffer.alloc(4 * dims.reduce((product, dim) => product * dim, 1)),
});

/** Serves until it is closed; `answer` is asked for every tensor that is fetched, by its name and those beside it. */
export async function lyingWorker(
  answer: (fetch: string, all: readonly string[]) => Answer,
): Promise<{ readonly address: string; close(): void }> {
  const server = createServer();
  const sessions = new Set<{ destroy(): void }>();
  server.on('session', (session) => {
    sessions.add(session);
    session.on('error', () => undefined);
  });
  server.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    const blocks: Buffer[] = [];
    stream.on('data', (block: Buffer) => blocks.push(block));
    stream.on('end', () =>
      serve(stream, String(headers[':path']), Buffer.concat(blocks).subarray(5), answer),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      for (const session of sessions) session.destroy();
      server.close();
    },
  };
}

function serve(
  stream: ServerHttp2Stream,
  path: string,
  request: Buffer,
  answer: (fetch: string, all: readonly string[]) => Answer,
): void {
  let body = Buffer.alloc(0);
  let status = { status: 0, message: '' };
  if (path.endsWith('/CreateSession')) body = text(1, 'session');
  if (path.endsWith('/ListDevices')) body = field(1, text(1, '/job:worker/replica:0/task:0/device:CPU:0'));
  if (path.endsWith('/RunStep')) {
    const fetches = textsOf(request, 3);
    const answers = fetches.map((fetch) => answer(fetch, fetches));
    body = Buffer.concat(
      answers.map((each, i) => {
        if ('status' in each) {
          status = each;
          return Buffer.alloc(0);
        }
        return field(1, Buffer.concat([text(1, fetches[i] as string), field(2, tensorProto(each))]));
      }),
    );
  }
  if (stream.destroyed) return;
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () =>
    stream.sendTrailers({
      'grpc-status': String(status.status),
      'grpc-message': encodeURIComponent(status.message),
    }),
  );
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(body.length, 1);
  stream.end(Buffer.concat([prefix, body]));
}

function tensorProto({ dtype, dims, content }: LyingTensor): Buffer {
  const shape = Buffer.concat(dims.map((dim) => field(2, number(1, dim))));
  return Buffer.concat([
    number(1, dtype),
    field(2, shape),
    field(dtype === DTYPES.string ? 8 : 4, content), // string_val, tensor_content
  ]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let left = value; ; left = Math.floor(left / 128)) {
    if (left < 128) return Buffer.from([...bytes, left]);
    bytes.push((left % 128) + 128);
  }
}

const number = (id: number, value: number) => Buffer.concat([varint(id * 8), varint(value)]);
const field = (id: number, bytes: Buffer) => Buffer.concat([varint(id * 8 + 2), varint(bytes.length), bytes]);
const text = (id: number, value: string) => field(id, Buffer.from(value));

/** The texts of the fields `id` of a message whose other fields are numbers and messages. */
function textsOf(message: Buffer, id: number): string[] {
  const texts: string[] = [];
  let at = 0;
  const read = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = message[at++] as number;
      value += (byte % 128) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const tag = read();
    const size = read();
    if (tag % 8 !== 2) continue;
    if (Math.floor(tag / 8) === id) texts.push(message.toString('utf8', at, at + size));
    at += size;
  }
  return texts;
}
