#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "build/scope.h"
#include "tensorflow/handles.h"

namespace ke::runtime {

struct SessionConfig {
  int intra_op = 1;  // threads that one op may use
  int callers = 1;   // threads that call Run at once
  // Turns of a loop that a run may have under way at once, where it spreads (see Run); so many threads then
  // compute it.
  int turns_at_once = 1;
  // The first op that gives NaN or Inf fails the run (graph::NumericsError). Ops then run one after the other
  // and as they were built, without TensorFlow's rewriting.
  bool check_numerics = false;
  // TensorFlow computes convolutions and matrix products in bfloat16, on a CPU, and what stands between them;
  // not those that are kept (see Run).
  bool bfloat16 = false;
  // XLA compiles what it can, at the first run of each size.
  bool jit_compile = false;
  std::string target =
      {};              // empty: this process; else a server, "grpc://host:port", whose threads are its own
  int cpus = 1;        // CPU devices of a session in this process
  int timeout_ms = 0;  // of each call of a server; 0: none
  int run_timeout_ms = 0;  // of its runs, instead
};

// A TF_Session over a graph, which must outlive it. Any number of threads may be in Run at once; the
// destructor must not run while one is (TensorFlow would crash): whoever runs holds a reference to the owner.
// A call of a server that is gone blocks, also here, for the timeout or until the server is back.
class Session {
 public:
  Session(TF_Graph* graph, const SessionConfig& config);
  // Without Close. What a kernel threw out of is left to the process: TensorFlow still holds on to it.
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Gives the variables of the graph their values. TensorFlow keeps the tensors' memory instead of copying
  // it, where it is in this process.
  void Initialize(const std::vector<graph::Scope::Initializer>& initializers) const;

  // Throws tf::Error with TensorFlow's code and the node at fault. `kept`: ops of what is computed that
  // TensorFlow shall leave as they are. `spreads`: also other threads may compute it (turns_at_once; all
  // sessions of as many share them); else, with one op thread, the caller's alone does.
  std::vector<tf::TensorPtr> Run(const std::vector<TF_Output>& inputs,
                                 const std::vector<TF_Tensor*>& input_values,
                                 const std::vector<TF_Output>& outputs,
                                 const std::vector<const TF_Operation*>& kept = {},
                                 bool spreads = false) const;

  // Ends the runs under way, which fail with CANCELLED, and gives back what a server keeps of the session.
  void Close() const noexcept;

  struct Device {
    std::string name;  // "/job:localhost/replica:0/task:0/device:CPU:0"
    std::string type;  // "CPU"
    int64_t memory_bytes = 0;
  };
  // Of a server, only after a run. Needs none of its op threads, so it tells too whether that answers.
  std::vector<Device> Devices() const;

 private:
  void Run(const TF_Buffer* options, const std::vector<TF_Output>& inputs,
           const std::vector<TF_Tensor*>& input_values, const std::vector<TF_Output>& outputs,
           TF_Tensor** values, const std::vector<const TF_Operation*>& targets) const;

  TF_Session* session_ = nullptr;
  mutable std::atomic<bool> left_in_the_middle_ = false;
  tf::BufferPtr run_options_;
  tf::BufferPtr spread_options_;
};

// The devices of this process. Blocking: the first call makes ready what GPUs there are.
std::vector<Session::Device> ListDevices();

}  // namespace ke::runtime
