#include "tensorflow/import_graph.h"

namespace ke::tf {

std::vector<TF_Output> ImportGraphDef(TF_Graph* graph, std::string_view graph_def,
                                      const ImportOptions& options, const std::string& op) {
  const ImportOptionsPtr given(C().TF_NewImportGraphDefOptions());
  if (!options.prefix.empty()) C().TF_ImportGraphDefOptionsSetPrefix(given.get(), options.prefix.c_str());
  for (const auto& [from, to] : options.inputs) {
    C().TF_ImportGraphDefOptionsAddInputMapping(given.get(), from.node.c_str(), from.index, to);
  }
  for (const NamedOutput& output : options.outputs) {
    C().TF_ImportGraphDefOptionsAddReturnOutput(given.get(), output.node.c_str(), output.index);
  }
  const BufferPtr buffer = NewBuffer(graph_def);
  Status status;
  const ImportResultsPtr results(
      C().TF_GraphImportGraphDefWithResults(graph, buffer.get(), given.get(), status));
  status.Check(op);
  int count = 0;
  TF_Output* returned = nullptr;
  C().TF_ImportGraphDefResultsReturnOutputs(results.get(), &count, &returned);
  return {returned, returned + count};
}

GraphPtr GraphOf(std::string_view graph_def) {
  GraphPtr graph(C().TF_NewGraph());
  ImportGraphDef(graph.get(), graph_def);
  return graph;
}

}  // namespace ke::tf
