/** Metrics for Prometheus. */
import * as ke from 'keras-explainable';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/**
 * @param {{ stats: () => ke.ExplainerStats | null, inWork: () => number }} sources `stats` returns the explainer's
 *   statistics, or null before the model is loaded. `inWork` returns the number of requests in progress
 */
export function makeMetrics({ stats, inWork }) {
  const register = new Registry();
  const registers = [register];
  collectDefaultMetrics({ register });

  const duration = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time from the first byte of a request to the last byte of its answer.',
    labelNames: ['route', 'status'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  });

  new Gauge({
    name: 'http_requests_in_work',
    help: 'Requests to /explain in progress: being read, decoded, explained or answered.',
    registers,
    collect() {
      this.set(inWork());
    },
  });

  /** Registers a metric that reads the explainer's statistics at every scrape. */
  const read = (Kind, name, help, labelNames, collect) =>
    new Kind({
      name: `explainer_${name}`,
      help,
      labelNames,
      registers,
      collect() {
        const now = stats();
        this.reset();
        if (now === null) return;
        const set = (labels, value) => (Kind === Counter ? this.inc(labels, value) : this.set(labels, value));
        collect(now, set);
      },
    });

  read(Gauge, 'waiting', 'Calls that wait for a batch.', [], ({ waiting }, set) => set({}, waiting));
  read(Gauge, 'in_flight', 'Calls whose batch is being computed.', [], ({ inFlight }, set) =>
    set({}, inFlight),
  );
  read(Counter, 'calls_total', 'Calls by outcome.', ['outcome'], (now, set) => {
    for (const outcome of ['completed', 'failed', 'cancelled', 'rejected']) set({ outcome }, now[outcome]);
  });
  read(Counter, 'batches_total', 'Batches by number of calls.', ['size'], ({ batchSizes }, set) => {
    for (const [size, count] of Object.entries(batchSizes.counts)) set({ size }, count);
  });
  read(
    Gauge,
    'latency_seconds',
    'Time from call to answer, since the start of the service.',
    ['quantile'],
    ({ latencyMs }, set) => {
      for (const [quantile, name] of [
        ['0.5', 'p50'],
        ['0.9', 'p90'],
        ['0.99', 'p99'],
        ['1', 'max'],
      ]) {
        set({ quantile }, latencyMs[name] / 1000);
      }
    },
  );
  new Gauge({
    name: 'tensor_memory_bytes',
    help: 'Native memory of tensors.',
    registers,
    collect() {
      this.set(ke.memory().liveBytes);
    },
  });
  return { register, duration };
}
