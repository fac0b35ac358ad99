// A model from a recording: the layers of a file that describes its model layer by layer are recorded as
// functions of symbolic tensors, and the recording becomes a model.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "model/model_graph.h"
#include "trace/equation.h"

namespace ke::trace {

struct NamedSymbol {
  std::string name;
  SymbolId symbol = kNoSymbol;
};

// A parameter of the recording that stands for a weight, and the value of the weight.
struct RecordedWeight {
  std::string name;  // as Keras names the weight, unique in the model
  SymbolId symbol = kNoSymbol;
  std::shared_ptr<TF_Tensor> value;
};

// One call of a layer. The names of the ops of the call begin with `scope`, for example "block/conv1/".
struct RecordedCall {
  std::string scope;
  std::vector<SymbolId> inputs;
  std::vector<SymbolId> outputs;
};

struct RecordedLayer {
  std::string name;
  std::vector<std::string> path;  // the names of the enclosing models, outermost first, then `name`
  std::string type;
  std::vector<RecordedCall> calls;
  std::vector<std::string> weights;  // names of RecordedWeights
};

struct ModelParts {
  std::vector<NamedSymbol> inputs;  // parameters of the recording
  std::vector<NamedSymbol> outputs;
  std::vector<RecordedWeight> weights;
  std::vector<RecordedLayer> layers;
  std::string fingerprint;  // see LoadOptions
};

// Returns the model of a main block. Calls of layers that no output needs are left out of the model. Blocks:
// call on a background thread. Throws INVALID_ARGUMENT if an output needs a parameter that is neither an
// input nor a weight, if a weight's value has another dtype or shape than its parameter, or if two weights
// have one name.
std::shared_ptr<const graph::ModelGraph> ToModel(const Block& block, const ModelParts& parts);

}  // namespace ke::trace
