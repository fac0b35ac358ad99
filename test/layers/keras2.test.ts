import { describeLayers } from './layers.js';

describeLayers('keras2');
