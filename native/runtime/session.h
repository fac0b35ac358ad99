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
  // The maximum number of turns of a loop that may overlap in a run that spreads (see Run). As many threads
  // then compute the run.
  int turns_at_once = 1;
  // The first op that returns NaN or Inf fails the run (graph::NumericsError). The ops then run one after the
  // other and without TensorFlow's rewriting.
  bool check_numerics = false;
  // On a CPU, TensorFlow computes convolutions and matrix products, and the ops between them, in bfloat16.
  // Kept ops (see Run) are excepted.
  bool bfloat16 = false;
  // XLA compiles the supported ops, at the first run of each size.
  bool jit_compile = false;
  // The graph runs without TensorFlow's rewriting. The time for the rewriting grows with the square of a
  // chain's length: a minute for 5,000 consecutive Neg ops.
  bool as_built = false;
  // Empty for this process, else a server, "grpc://host:port", which has its own threads.
  std::string target = {};
  int cpus = 1;            // CPU devices of a session in this process
  int timeout_ms = 0;      // of each call to a server; 0 for none
  int run_timeout_ms = 0;  // of each run on a server, instead of timeout_ms
};

// A TF_Session over a graph. The graph must outlive the session. Any number of threads may be in Run at once.
// The destructor must not run while a thread is in Run, because TensorFlow would crash: every caller of Run
// holds a reference to the owner. A call to a server that is gone blocks for the timeout, or until the server
// is back.
class Session {
 public:
  Session(TF_Graph* graph, const SessionConfig& config);
  // Does not call Close. If an exception of a kernel has left a run, the session is leaked, because
  // TensorFlow still uses the session.
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Assigns the variables of the graph. TensorFlow keeps the tensors' memory instead of a copy if the session
  // is in this process.
  void Initialize(const std::vector<graph::Scope::Initializer>& initializers) const;

  // Throws tf::Error with TensorFlow's code and the node that failed. `kept`: ops of the computed graph that
  // TensorFlow must not rewrite. `spreads`: other threads may also compute the run (turns_at_once; sessions
  // with the same number share the threads). Otherwise, with one op thread, only the caller's thread computes
  // the run.
  std::vector<tf::TensorPtr> Run(const std::vector<TF_Output>& inputs,
                                 const std::vector<TF_Tensor*>& input_values,
                                 const std::vector<TF_Output>& outputs,
                                 const std::vector<const TF_Operation*>& kept = {},
                                 bool spreads = false) const;

  // Cancels the runs in progress, which fail with CANCELLED, and releases the session's resources on a
  // server.
  void Close() const noexcept;

  struct Device {
    std::string name;  // "/job:localhost/replica:0/task:0/device:CPU:0"
    std::string type;  // "CPU"
    int64_t memory_bytes = 0;
  };
  // Returns the session's devices. On a server, call Devices only after a run. The call needs no op thread of
  // the server, so it also shows whether the server answers.
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

// Returns the devices of this process. Blocking: the first call initialises the GPUs.
std::vector<Session::Device> ListDevices();

}  // namespace ke::runtime
