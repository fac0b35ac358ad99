/** Returns a class name in snake case as Keras converts it: 'LSTMCell' is 'lstm_cell', 'Conv2D' is 'conv2d'. */
export function snakeCase(className: string): string {
  return className
    .replace(/\W+/g, '')
    .replace(/(.)([A-Z][a-z]+)/g, '$1_$2')
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase();
}
