#include <set>
#include <string>

#include "gradient/tape.h"
#include "import/checkpoint.h"
#include "import/function_inliner.h"
#include "ir/call_tree.h"
#include "model/model_graph.h"
#include "model/size_check.h"
#include "refusal.h"
#include "scratch.h"
#include "targets.h"
#include "tensorflow/protozero.h"

namespace ke::fuzz {
namespace {

using graph::ModelGraph;
using graph::Scope;
using graph::Shape;

bool IsFloating(TF_DataType dtype) {
  return dtype == TF_FLOAT || dtype == TF_DOUBLE || dtype == TF_HALF || dtype == TF_BFLOAT16;
}

std::vector<TF_Output> Inputs(const ModelGraph& model, Scope* scope) {
  std::vector<TF_Output> inputs;
  for (const graph::TensorSpec& input : model.inputs()) {
    inputs.push_back(scope->Placeholder(input.dtype, input.shape));
  }
  return inputs;
}

// Adds the gradients of the floating outputs with respect to the floating inputs.
void Differentiate(Scope* scope, const std::vector<TF_Output>& inputs,
                   const std::vector<TF_Output>& outputs) {
  std::vector<TF_Output> xs;
  std::vector<TF_Output> ys;
  for (const TF_Output input : inputs) {
    if (IsFloating(Scope::GetDType(input))) xs.push_back(input);
  }
  for (const TF_Output output : outputs) {
    if (IsFloating(Scope::GetDType(output))) ys.push_back(output);
  }
  const std::vector<TF_Output> ones(ys.size(), TF_Output{nullptr, 0});
  if (!xs.empty() && !ys.empty()) gradient::Gradient(scope, scope, ys, xs, ones, {});
}

// Calls a loaded model in all ways that methods use.
void Call(const ModelGraph& model) {
  const std::vector<std::string>& outputs = model.output_tensors();
  std::vector<std::string> all = outputs;
  for (const graph::LayerRecord& layer : model.layers()) {
    for (const graph::LayerCall& call : layer.calls) {
      all.insert(all.end(), call.outputs.begin(), call.outputs.end());
      all.insert(all.end(), call.inputs.begin(), call.inputs.end());
    }
  }
  Try([&] { model.DependsOn(all, model.input_tensors()); });
  Try([&] { model.BiasTerms(all, {}); });
  Try([&] { model.BiasTerms(outputs, model.input_tensors()); });
  Try([&] {
    Scope scope;
    const std::vector<TF_Output> inputs = Inputs(model, &scope);
    const std::vector<TF_Output> made = model.Instantiate(&scope, inputs, outputs);
    Differentiate(&scope, inputs, made);
  });
  Try([&] {
    Scope scope;
    scope.AllowBfloat16();
    model.Instantiate(&scope, Inputs(model, &scope), all, model.input_tensors());
  });
  Try([&] {
    Scope scope;
    scope.CheckNumerics();
    std::vector<TF_Output> inputs = Inputs(model, &scope);
    std::vector<TF_Output> fetches = model.Instantiate(&scope, inputs, outputs);
    for (TF_Output& fetch : fetches) fetch = scope.Op("Identity").In(fetch).Out();
    scope.Finish(&inputs, &fetches);
  });
  Try([&] {
    std::vector<Shape> shapes;
    for (const graph::TensorSpec& input : model.inputs()) {
      shapes.push_back(input.shape);
      for (int64_t& size : shapes.back().dims) size = size < 0 || size > 64 ? 2 : size + 1;
    }
    graph::KeepsSamples(model, shapes, outputs);
  });
}

void LoadAndCall(const std::string& path) {
  Try([&] {
    graph::LoadOptions options;
    options.path = path;
    options.fingerprint = "fuzz";  // otherwise random
    options.allow_random = true;   // more graphs load
    const auto model = ModelGraph::Load(options);
    Call(*model);
  });
}

}  // namespace

void SavedModel(std::string_view bytes) {
  const char* const files[] = {"saved_model.pb", "keras_metadata.pb", "variables/variables.index",
                               "variables/variables.data-00000-of-00001"};
  std::string_view contents[4];
  try {
    protozero::pbf_reader reader(bytes.data(), bytes.size());
    while (reader.next()) {
      const bool is_file = reader.tag() >= 1 && reader.tag() <= 4 &&
                           reader.wire_type() == protozero::pbf_wire_type::length_delimited;
      if (!is_file) {
        reader.skip();
        continue;
      }
      const uint32_t tag = reader.tag();
      const protozero::data_view view = reader.get_view();
      contents[tag - 1] = {view.data(), view.size()};
    }
  } catch (const protozero::exception&) {
    // The files read before the error count.
  }
  for (size_t i = 0; i < 4; ++i) {
    const std::string name = std::string("model/") + files[i];
    contents[i].data() == nullptr ? RemoveScratch(name) : void(WriteScratch(name, contents[i]));
  }
  LoadAndCall(ScratchFolder() + "/model");
}

void FrozenGraph(std::string_view bytes) { LoadAndCall(WriteScratch("frozen.pb", bytes)); }

void Inline(std::string_view bytes) {
  Try([&] {
    const graph::proto::GraphDef def = graph::proto::ReadGraph(bytes, "the graph");
    graph::OpRegistry ops;
    graph::CallTree tree(def, &ops);
    graph::FindRestoredKeys(&tree, def.nodes.empty() ? "" : def.nodes.back().name);
    std::vector<graph::TensorSpec> inputs;
    std::vector<graph::TensorSpec> outputs;
    std::set<std::string_view> consumed;
    for (const graph::proto::NodeDef& node : def.nodes) {
      for (const std::string_view input : node.inputs) consumed.insert(input.substr(0, input.find(':')));
    }
    for (const graph::proto::NodeDef& node : def.nodes) {
      if (node.op == "Placeholder") {
        inputs.push_back({std::string(node.name), TF_FLOAT, Shape::Unknown()});
      } else if (consumed.count(node.name) == 0) {
        outputs.push_back({std::string(node.name), TF_FLOAT, Shape::Unknown()});
      }
    }
    graph::InlineFunctions(&tree, &ops, inputs, outputs, graph::NodeOrder::kDependency);
  });
}

}  // namespace ke::fuzz
