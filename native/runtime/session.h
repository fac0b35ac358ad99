#pragma once

#include <vector>

#include "graph/scope.h"
#include "tensorflow/handles.h"

namespace ke::runtime {

struct SessionConfig {
  int intra_op = 1;  // threads that one op may use
  int callers = 1;   // threads that call Run at once
  // The first op that gives NaN or Inf fails the run (graph::NumericsError). Ops then run one after the other
  // and as they were built, without TensorFlow's rewriting.
  bool check_numerics = false;
};

// A TF_Session over a graph, which must outlive it. Any number of threads may be in Run at once; the
// destructor must not run while one is (TensorFlow would crash): whoever runs holds a reference to the owner.
class Session {
 public:
  Session(TF_Graph* graph, const SessionConfig& config);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Gives the variables of the graph their values. TensorFlow keeps the tensors' memory instead of copying
  // it.
  void Initialize(const std::vector<graph::Scope::Initializer>& initializers) const;

  // Throws tf::Error with TensorFlow's code and the node at fault.
  std::vector<tf::TensorPtr> Run(const std::vector<TF_Output>& inputs,
                                 const std::vector<TF_Tensor*>& input_values,
                                 const std::vector<TF_Output>& outputs) const;

 private:
  TF_Session* session_;
  tf::BufferPtr run_options_;
};

}  // namespace ke::runtime
