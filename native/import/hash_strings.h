#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ke::graph {

// Returns the hash of each string, which is what the op StringToHashBucketFast computes for `buckets`.
// TensorFlow runs the op, so that the hashes are the same as in the model.
std::vector<int64_t> HashStrings(const std::vector<std::string>& strings, int64_t buckets);

}  // namespace ke::graph
