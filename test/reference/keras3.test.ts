import { describeNetworks } from './suite.js';

describeNetworks('keras3', [
  'VGG16',
  'ResNet50V2',
  'MobileNetV2',
  'DenseNet121',
  'Xception',
  'EfficientNetB0',
]);
