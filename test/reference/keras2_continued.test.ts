import { describeNetworks } from './suite.js';

describeNetworks('keras2', ['Xception', 'EfficientNetB0', 'InceptionV3', 'NASNetMobile']);
