// Which outputs of a run are memory that TensorFlow still shares. JavaScript gets writable views, so those are
// copied: writing into one would change a feed, a constant of the graph or another output.
#pragma once

#include <vector>

#include "runtime/tensor.h"

namespace ke::runtime {

// Whether the value of `tensor` may be a part of a placeholder's or constant's memory, by the ops that lead to
// it: slices share their input's buffer through a reference count of their own, which hides it from
// TF_TensorMaybeMove.
bool MayShareMemory(TF_Output tensor);

// Takes the outputs of one run and makes each the only owner of its memory, copying (counted as copied out)
// those that share it: where `may_share[i]`, where TensorFlow holds another reference, and where an output lies
// in the memory of an input or of an output before it.
std::vector<TensorRef> OwnOutputs(std::vector<tf::TensorPtr> outputs, const std::vector<bool>& may_share,
                                  const std::vector<TF_Tensor*>& inputs);

}  // namespace ke::runtime
