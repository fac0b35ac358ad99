import { describe, expectTypeOf, it } from 'vitest';
import * as ke from '../../lib/index.js';

const { configureGpus, devices, localWorkers, mirrored, multiWorker, oneDevice } = ke.distribute;

describe('strategies', () => {
  it('are made of their own options, and taken by loadModel', () => {
    expectTypeOf(oneDevice('GPU:0')).toEqualTypeOf<ke.distribute.Strategy>();
    expectTypeOf(
      mirrored({ devices: ['CPU:0'], replicasPerDevice: 2 }),
    ).toEqualTypeOf<ke.distribute.Strategy>();
    ke.loadModel('m', { strategy: multiWorker({ workers: ['a:1'], timeoutMs: 5, retries: 0 }) });
    expectTypeOf(devices()).resolves.toEqualTypeOf<readonly ke.distribute.DeviceInfo[]>();
    configureGpus({ memoryGrowth: true, memoryFraction: 0.5, visibleDevices: [0] });
  });

  it('take the workers of localWorkers', async () => {
    const workers = await localWorkers(2, { threads: 1, devices: 'cpu' });
    expectTypeOf(workers.addresses).toEqualTypeOf<readonly string[]>();
    multiWorker({ workers, replicasPerWorker: 1, devices: ['GPU:0'] });
  });

  it('tell how their replicas are', async () => {
    const { strategy } = await ke.loadModel('m');
    expectTypeOf(strategy).toEqualTypeOf<ke.distribute.HeldStrategy>();
    expectTypeOf(strategy.status()).toEqualTypeOf<ke.distribute.ReplicaStatus[]>();
    // @ts-expect-error a strategy of a loaded model is that model's
    ke.loadModel('m', { strategy });
  });

  it('refuse what they do not know', () => {
    // @ts-expect-error workers are required
    multiWorker({});
    // @ts-expect-error a list
    multiWorker({ workers: 'a:1' });
    // @ts-expect-error in milliseconds, by its name
    multiWorker({ workers: ['a:1'], timeout: 5 });
    // @ts-expect-error of the wrong type
    multiWorker({ workers: ['a:1'], retries: '3' });
    // @ts-expect-error a list
    mirrored({ devices: 'CPU:0' });
    // @ts-expect-error as a number
    oneDevice(0);
    // @ts-expect-error what of the machine they may use is one text
    localWorkers(2, { devices: ['cpu'] });
    // @ts-expect-error by number
    configureGpus({ visibleDevices: ['0'] });
    // @ts-expect-error by an object, not by its name
    ke.loadModel('m', { strategy: 'mirrored' });
    // @ts-expect-error who reads is one of two words
    ke.data.imageFiles('*.png', { autoShard: true });
  });
});
