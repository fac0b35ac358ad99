#pragma once

#include <string>
#include <unordered_map>
#include <unordered_set>

namespace ke::graph {

// Makes names unique: the second of equal names gets the suffix "_1", the third "_2".
class UniqueNames {
 public:
  std::string Make(const std::string& name) {
    std::string unique = name;
    while (!taken_.insert(unique).second) unique = name + "_" + std::to_string(++suffixes_[name]);
    return unique;
  }

 private:
  std::unordered_set<std::string> taken_;
  std::unordered_map<std::string, int> suffixes_;  // the last suffix that was tried
};

}  // namespace ke::graph
