// Mutations of protocol buffers in their wire format, which know no schema: fields are deleted, copied,
// swapped and changed, and the lengths of what holds them stay right. Bytes mutated at random mostly die in
// the outermost length.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "nodes.h"

namespace ke::fuzz {

// What a mutation of plain bytes may use: libFuzzer's own.
using MutateBytes = size_t (*)(uint8_t* data, size_t size, size_t max_size);

class WireMutator {
 public:
  // `words`: names that mean something to the code under test.
  WireMutator(std::vector<std::string> words, MutateBytes mutate_bytes)
      : words_(std::move(words)), nodes_(words_), mutate_bytes_(mutate_bytes) {}

  // Up to a few mutations of `message`; where it has no fields, it is returned as it is.
  std::string Mutate(std::string message, uint32_t seed);
  // `message` with a field of `other`, where one of the same place was.
  std::string CrossOver(std::string message, std::string_view other, uint32_t seed);

 private:
  struct Field {
    size_t begin;  // of the key
    size_t body;   // of the value, behind the length
    size_t end;
    int parent;  // in the list of fields; -1: the message itself
    uint32_t tag;
    uint32_t type;
    uint32_t path;  // a hash of the tags that lead here
    bool is_message;
  };

  void Once(std::string* message);
  void Collect(std::string_view message, size_t begin, size_t end, int parent, uint32_t path, int depth);
  // Replaces [begin, end), which lies in the value of field `parent`, and mends all lengths around it.
  void Splice(std::string* message, int parent, size_t begin, size_t end, std::string_view with) const;
  // Makes up a node beside a node of a graph, or in its place; false where none was found.
  bool AddNode(std::string* message);
  // The text of the first field `tag` of `parent`; empty where it has none.
  std::string TextIn(const std::string& message, int parent, uint32_t tag) const;
  std::string NewValue(const Field& field, std::string_view value);
  size_t Pick(size_t count) { return count == 0 ? 0 : random_() % count; }
  // A field at random; one of the same place as `like`, if any. -1: none.
  int PickLike(const Field& like, int besides);

  std::vector<std::string> words_;
  NodeMaker nodes_;
  MutateBytes mutate_bytes_;
  std::vector<Field> fields_;  // in order of their begin
  std::mt19937 random_;
};

}  // namespace ke::fuzz
