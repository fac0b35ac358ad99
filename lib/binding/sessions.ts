/** Whether TensorFlow has created a session. The first session fixes the configuration of the GPUs. */
let begun = false;

/** Records that a session is about to be created. */
export function noteSession(): void {
  begun = true;
}

/** Returns whether a session was created before. */
export function hasSession(): boolean {
  return begun;
}
