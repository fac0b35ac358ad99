/**
 * A service that explains pictures: POST a picture to /explain. See README.md in this folder.
 *
 *     node examples/server/server.mjs --model demo/model --labels demo/labels.txt
 */
import { makeApp } from './app.mjs';
import { openExplanations } from './explanations.mjs';
import { readOptions, UsageError, usage } from './options.mjs';

async function main() {
  const options = readOptions(process.argv.slice(2), process.env);
  if (options === null) {
    process.stdout.write(usage());
    return;
  }
  const state = { explanations: null, draining: false };
  const app = makeApp(options, state);
  const stop = once(() => shutDown(app, state, options));
  for (const signal of ['SIGTERM', 'SIGINT']) {
    process.on(signal, () => {
      // A second signal ends the process at once.
      if (state.draining) process.exit(1);
      app.log.info({ signal }, 'shutting down');
      void stop();
    });
  }

  // The service listens before the model is loaded, so that /healthz answers while a large model loads.
  await app.listen({ host: options.host, port: options.port });
  try {
    const explanations = await openExplanations(options);
    if (state.draining) await explanations.close();
    else state.explanations = explanations;
    app.log.info('ready');
  } catch (error) {
    app.log.fatal({ err: error }, 'the model cannot be loaded');
    process.exitCode = 1;
    await stop();
  }
}

/**
 * Accepts no new requests, answers accepted requests, and closes the remaining connections after `shutdownMs`. The
 * process then ends.
 */
async function shutDown(app, state, { shutdownMs }) {
  state.draining = true;
  const deadline = setTimeout(() => {
    app.log.warn('shutdown timeout: closing the remaining connections');
    app.server.closeAllConnections();
  }, shutdownMs);
  await app.close();
  clearTimeout(deadline);
  await state.explanations?.close(0);
  app.log.info('bye');
}

/** Returns a function that calls `work` once. All calls return the promise of the first call. */
function once(work) {
  let result;
  return () => {
    result ??= work();
    return result;
  };
}

try {
  await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n\n${usage()}`);
  process.exitCode = 2;
}
