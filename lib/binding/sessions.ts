/** Whether TensorFlow has been asked for a session: the first one decides what it does with the GPUs. */
let begun = false;

export function noteSession(): void {
  begun = true;
}

export function hasSession(): boolean {
  return begun;
}
