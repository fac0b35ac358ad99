/** Inspection of models: layers by name, type and position, and the tensors that methods explain. */
export { getGlobalPoolingLayer } from './activations.js';
export { KERNEL_AXIS, SPATIAL_AXIS } from './axes.js';
export { type BiasesResult, biases, type LayersWithBiasesOptions, layersWithBiases } from './biases.js';
export type { Connected } from './connected.js';
export { type Endpoint, type EndpointDescriptor, endpoints } from './endpoints.js';
export { type Endpoints, type ExposeOptions, expose } from './expose.js';
export { type GatherUnitsOptions, gatherUnits } from './gather_units.js';
export { getLogitsLayer } from './head.js';
export { findLayerWith, getNestedLayer, type Layered, type LayerName, type LayerSearch } from './layers.js';
export { type OutputActivation, outputActivation } from './output_activation.js';
export { POOLING_LAYERS } from './pooling_layers.js';
export { type SubModelOptions, subModel } from './sub_model.js';
