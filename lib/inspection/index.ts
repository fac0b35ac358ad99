/** Inspection of models: layers by name, type and position, and the tensors that methods explain. */
export { KERNEL_AXIS, SPATIAL_AXIS } from './axes.js';
export { type BiasesResult, biases, type LayersWithBiasesOptions, layersWithBiases } from './biases.js';
export { type Endpoint, type EndpointDescriptor, endpoints } from './endpoints.js';
export { type Endpoints, expose } from './expose.js';
export { type GatherUnitsOptions, gatherUnits } from './gather_units.js';
export { type Connected, getGlobalPoolingLayer, getLogitsLayer, POOLING_LAYERS } from './head.js';
export { findLayerWith, getNestedLayer, type Layered, type LayerName, type LayerSearch } from './layers.js';
