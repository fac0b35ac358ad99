import { describeNetworks } from './suite.js';

describeNetworks('keras3', [
  'ResNet50V2',
  'MobileNetV2',
  'DenseNet121',
  'Xception',
  'EfficientNetB0',
  'EfficientNetV2B0',
  'ConvNeXtTiny',
  'MobileNetV3Small',
  'VisionTransformer',
  'Volumes',
]);
