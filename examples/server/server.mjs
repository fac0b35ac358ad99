/**
 * A service that explains pictures: POST one to /explain. See README.md beside this file.
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
      // Who asks twice is in a hurry.
      if (state.draining) process.exit(1);
      app.log.info({ signal }, 'shutting down');
      void stop();
    });
  }

  // Listens first: that the process lives can be seen while a large model loads.
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

/** Stops to accept, answers what was accepted, ends the rest when time is up. Then nothing keeps the process alive. */
async function shutDown(app, state, { shutdownMs }) {
  state.draining = true;
  const deadline = setTimeout(() => {
    app.log.warn('time is up: closing the connections that are left');
    app.server.closeAllConnections();
  }, shutdownMs);
  await app.close();
  clearTimeout(deadline);
  await state.explanations?.close(0);
  app.log.info('bye');
}

/** `work`, of which all calls get the first one's promise. */
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
