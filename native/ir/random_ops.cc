#include "ir/random_ops.h"

#include <map>

#include "ir/op_traits.h"

namespace ke::graph {

const Draw* DrawOf(std::string_view op) {
  static const Draw plain{0, {1}, true};
  static const Draw plain_key{0, {1, 2}, true};
  static const Draw by_tensors{0, {1}, false};
  static const std::map<std::string_view, Draw> draws = {
      {"RandomIndexShuffle", {-1, {1}, false}},
      {"StatelessMultinomial", {-1, {2}, false}},
      {"StatelessParameterizedTruncatedNormal", by_tensors},
      {"StatelessRandomBinomial", by_tensors},
      {"StatelessRandomGammaV2", by_tensors},
      {"StatelessRandomGammaV3", {0, {1, 2}, false}},
      {"StatelessRandomNormal", plain},
      {"StatelessRandomNormalV2", plain_key},
      {"StatelessRandomPoisson", by_tensors},
      {"StatelessRandomUniform", plain},
      {"StatelessRandomUniformFullInt", plain},
      {"StatelessRandomUniformFullIntV2", plain_key},
      {"StatelessRandomUniformInt", plain},
      {"StatelessRandomUniformIntV2", plain_key},
      {"StatelessRandomUniformV2", plain_key},
      {"StatelessSampleDistortedBoundingBox", {-1, {3}, false}},
      {"StatelessShuffle", {-1, {1, 2}, false}},
      {"StatelessTruncatedNormal", plain},
      {"StatelessTruncatedNormalV2", plain_key},
      {"StochasticCastToInt", {-1, {1, 2}, false}},
  };
  const auto found = draws.find(op);
  return found == draws.end() ? nullptr : &found->second;
}

bool MakesKey(std::string_view op) {
  return op == "StatelessRandomGetKeyCounter" || op == "StatelessRandomGetKeyCounterAlg";
}

std::string_view SeededOp(std::string_view op) {
  if (op == "Multinomial") return "StatelessMultinomial";
  if (op == "RandomStandardNormal") return "StatelessRandomNormal";
  if (op == "RandomUniform") return "StatelessRandomUniform";
  if (op == "RandomUniformInt") return "StatelessRandomUniformInt";
  if (op == "TruncatedNormal") return "StatelessTruncatedNormal";
  return "";
}

bool DrawsFromState(std::string_view op) {
  return op == "RngReadAndSkip" || HasTrait(op, trait::kStateful | trait::kRandom);
}

}  // namespace ke::graph
