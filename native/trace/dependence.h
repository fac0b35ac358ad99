// What the equations of a recording are computed from.
#pragma once

#include <map>
#include <unordered_map>
#include <vector>

#include "trace/equation.h"

namespace ke::trace {

// The symbols that the results of a main block need, by id.
std::vector<bool> FindLive(const Block& block, const std::vector<SymbolId>& results);

// Tells which equal equations may be merged. A gradient is taken by one tensor, along the ways from this very
// tensor: `gradient(f(a) + g(b), a)` does not follow b, also where b is computed as a is. So the equation
// that made a may not be merged with any on which the differentiated tensors depend.
class Dependence {
 public:
  // Of the equations of `block`, a main block, that are `live`.
  Dependence(const Block& block, const std::vector<bool>& live);

  // The number of the equation that makes a symbol; -1 for a parameter.
  int EquationOf(SymbolId id) const;
  bool MayMerge(int a, int b);

 private:
  // A gradient's ys, and the equations that they depend on, found when they are first asked for.
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
      by_;  // equation -> in differentiated_, what is differentiated by its outputs
};

}  // namespace ke::trace
