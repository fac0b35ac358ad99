/** A message from a worker to its parent process over Node's IPC channel. */
export type WorkerMessage = { readonly ready: string } | { readonly failed: string; readonly code: string };

/** The error code of a worker whose port is already in use. Starting the worker on another port may succeed. */
export const PORT_IN_USE = 'ALREADY_EXISTS';
