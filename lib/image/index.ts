/** Reading, preparing and writing pictures with TensorFlow's own ops, off the JavaScript thread. */
export { batchImages } from './batch_images.js';
export { COLORMAPS, type Colormap, colormapTable } from './colormap.js';
export { type DecodeOptions, decodeImage } from './decode.js';
export { encodeJpeg, encodePng, type JpegOptions } from './encode.js';
export { type ImageFormat, type ImageHeader, readImageHeader } from './image_header.js';
export { type OverlayOptions, overlay } from './overlay.js';
export {
  type ModelInputOptions,
  PREPROCESSINGS,
  type Preprocessing,
  prepareImage,
  preprocess,
} from './preprocess.js';
export { type ReadOptions, readImage } from './read.js';
export { fitImage, type ImageResizeMethod, resizeImage } from './resize.js';
export { contactSheet } from './sheet.js';
