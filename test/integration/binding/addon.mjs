// The built addon itself, without lib/ around it, for tests and for the processes and workers that they start.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const BUILDS = ['build/cmake/Release', 'build/Release'];

export function addonPath() {
  const given = process.env.KERAS_EXPLAINABLE_TEST_ADDON;
  if (given !== undefined) return given;
  for (const build of BUILDS) {
    const path = fileURLToPath(new URL(`../../../${build}/keras_explainable.node`, import.meta.url));
    if (existsSync(path)) return path;
  }
  throw new Error('The addon is not built; run: npm run build');
}

export function loadAddon() {
  return createRequire(import.meta.url)(addonPath());
}

/** Of so many threads in this process. */
export function callers(addon, count) {
  return addon.createStrategy({ replicas: [{ target: '', device: '', callers: count }] });
}

export function doubling(addon, replicas = 2) {
  const trace = addon.createTrace();
  const x = trace.placeholder('float32', [null, 4], 'x');
  const [doubled] = trace.op('AddV2', [x.id, x.id], {});
  return trace.compile([doubled.id], { intraOp: 1, strategy: callers(addon, replicas) });
}

export function slow(addon) {
  const trace = addon.createTrace();
  const x = trace.placeholder('float32', [null, 600], 'x');
  const size = trace.constant('int32', [2], new Int32Array([600, 600]));
  const [random] = trace.op('RandomUniform', [size.id], { dtype: { dtype: 'float32' } });
  let product = random;
  for (let i = 0; i < 10; i++) [product] = trace.op('MatMul', [product.id, random.id], {});
  const [y] = trace.op('MatMul', [x.id, product.id], {});
  return trace.compile([y.id], { intraOp: 1, strategy: callers(addon, 2) });
}

/** Counts to its feed, an int32 scalar, one turn of a loop at a time. */
export function looping(addon) {
  const trace = addon.createTrace();
  const limit = trace.placeholder('int32', [], 'limit');
  const zero = trace.constant('int32', [], new Int32Array([0]));
  const condition = trace.body();
  const [more] = condition.op('Less', [condition.placeholder('int32', [], 'i').id, limit.id], {});
  const body = trace.body();
  const one = body.constant('int32', [], new Int32Array([1]));
  const [next] = body.op('AddV2', [body.placeholder('int32', [], 'i').id, one.id], {});
  const [last] = trace.whileLoop(condition, more.id, body, [next.id], [zero.id], limit.id);
  return trace.compile([last.id], { intraOp: 1, strategy: callers(addon, 2) });
}
