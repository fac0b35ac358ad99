// Which equations of a recording the other equations depend on.
#pragma once

#include <map>
#include <unordered_map>
#include <vector>

#include "trace/equation.h"

namespace ke::trace {

// Returns the symbols that the results of a main block need, indexed by symbol id.
std::vector<bool> FindLive(const Block& block, const std::vector<SymbolId>& results);

// Determines which equal equations may be merged. A gradient with respect to a tensor follows only the paths
// from this very tensor. For example, `gradient(f(a) + g(b), a)` does not follow b, even if b is computed
// from an equation equal to that of a. The equation of a must therefore not be merged with an equation that
// the differentiated tensors depend on.
class Dependence {
 public:
  // Covers the equations of `block`, a main block, that are `live`.
  Dependence(const Block& block, const std::vector<bool>& live);

  // Returns the number of the equation that computes a symbol, or -1 for a parameter.
  int EquationOf(SymbolId id) const;
  bool MayMerge(int a, int b);

 private:
  // The ys of a gradient, and the equations that the ys depend on. `from` is computed on first use.
  struct Differentiated {
    std::vector<int> ys;
    std::vector<bool> from;
  };

  void Add(const Block& block, const std::vector<bool>& live);
  bool Follows(int x, int other);

  std::unordered_map<SymbolId, int> equations_;
  std::vector<std::vector<int>> uses_;  // by equation
  std::vector<Differentiated> differentiated_;
  std::map<int, std::vector<int>>
      by_;  // equation -> indices in differentiated_ of the gradients with respect to its outputs
};

}  // namespace ke::trace
