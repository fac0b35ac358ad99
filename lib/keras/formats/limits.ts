/** The limits on what a model file may ask for. Each is far above what real models need. */

/** The maximum number of arrays. Models of 1000 layers have some 5000. */
export const MOST_ARRAYS = 200_000;

/** The maximum number of groups and arrays of a HDF5 file that are visited. */
export const MOST_OBJECTS = 1_000_000;

/** The maximum depth of groups. Nested models of Keras need two levels per model. */
export const MOST_DEPTH = 64;

/** The maximum length of the name or path of an array, in characters. */
export const MOST_NAME = 4096;

/** The maximum size of a JSON text, in bytes. The architecture of a model of 1000 layers has some MB. */
export const MOST_JSON = 64 * 2 ** 20;

/** The maximum depth of lists and objects in a JSON text. Every walk over a config may recurse this deep. */
export const MOST_JSON_DEPTH = 512;

/** The maximum number of entries of a zip archive. */
export const MOST_ENTRIES = 100_000;

/** Arrays whose bytes are all in the file cannot ask for more. Compressed arrays up to this size are never refused. */
export const SMALL_BYTES = 256 * 2 ** 20;

/** The maximum expansion of compressed arrays beyond `SMALL_BYTES`. Trained weights shrink by a third at most. */
export const MOST_EXPANSION = 100;

/** The maximum rank of an array, TensorFlow's limit. */
export const MOST_RANK = 254;
