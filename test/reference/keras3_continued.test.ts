import { describeNetworks } from './suite.js';

describeNetworks('keras3', [
  'InceptionV3',
  'NASNetMobile',
  // Networks or export paths that Keras 2.12 lacks.
  'EfficientNetV2B0',
  'ConvNeXtTiny',
  'MobileNetV3Small',
  'VisionTransformer',
  'Volumes',
]);
