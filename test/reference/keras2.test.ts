import { describeNetworks } from './suite.js';

describeNetworks('keras2', ['VGG16', 'ResNet50V2', 'MobileNetV2', 'DenseNet121']);
