#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "ir/call_tree.h"
#include "wire/bounds.h"

namespace ke::graph {

// The ops of branches in graphs of TensorFlow 1. A Switch sends its data to output 0 or 1, as the predicate
// says. Ops of the other side do not run, also ops that only wait for the Switch. A Merge passes on the input
// that arrives.
bool IsSwitch(std::string_view op);
bool IsMerge(std::string_view op);

// What to do about control flow of TensorFlow 1 that does not load.
inline constexpr std::string_view kFreezeFunctions =
    "Freeze the model so that branches and loops stay functions: in TensorFlow 2, "
    "convert_variables_to_constants_v2(function, lower_control_flow=False); in TensorFlow 1, call "
    "tf.compat.v1.enable_control_flow_v2() before the graph is built";

// A Merge whose two inputs are the sides of one predicate.
struct BranchV1 {
  Source predicate;
  std::array<size_t, 2> inputs{};  // by side: the input of the Merge
  std::vector<Source> data;        // of the Switches around the two sides
};

// Finds the branch that ends in a Merge. Throws UNIMPLEMENTED, with what to do, for a Merge of a loop and for
// a Merge whose sides cannot be told.
BranchV1 FindBranchV1(CallTree* tree, const Source& merge, Allowance* steps);

}  // namespace ke::graph
