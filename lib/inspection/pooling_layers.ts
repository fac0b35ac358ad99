/** The Keras classes that reduce all positions to one vector. */
export const POOLING_LAYERS: readonly string[] = Object.freeze([
  'Flatten',
  'GlobalAveragePooling1D',
  'GlobalAveragePooling2D',
  'GlobalAveragePooling3D',
  'GlobalMaxPooling1D',
  'GlobalMaxPooling2D',
  'GlobalMaxPooling3D',
]);
