// Mutates protocol buffers in their wire format, without a schema. Fields are deleted, copied, swapped and
// changed, and the lengths of all enclosing fields stay correct. Random mutations of bytes usually only break
// the outermost length.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "nodes.h"

namespace ke::fuzz {

// libFuzzer's own mutation of plain bytes.
using MutateBytes = size_t (*)(uint8_t* data, size_t size, size_t max_size);

class WireMutator {
 public:
  // `words`: names that the code under test knows.
  WireMutator(std::vector<std::string> words, MutateBytes mutate_bytes)
      : words_(std::move(words)), nodes_(words_), mutate_bytes_(mutate_bytes) {}

  // Returns `message` with a few mutations, or unchanged if it has no fields.
  std::string Mutate(std::string message, uint32_t seed);
  // Returns `message` with a field of `other`, inserted before a field at the same place or in its stead.
  std::string CrossOver(std::string message, std::string_view other, uint32_t seed);

 private:
  struct Field {
    size_t begin;  // of the key
    size_t body;   // of the value, after the length
    size_t end;
    int parent;  // index in the list of fields; -1: the message itself
    uint32_t tag;
    uint32_t type;
    uint32_t path;  // a hash of the tags that lead to this field
    bool is_message;
  };

  void Once(std::string* message);
  void Collect(std::string_view message, size_t begin, size_t end, int parent, uint32_t path, int depth);
  // Replaces [begin, end), a range inside the value of field `parent`, and corrects all enclosing lengths.
  void Splice(std::string* message, int parent, size_t begin, size_t end, std::string_view with) const;
  // Adds a random node beside a node of a graph or in its place. Returns false if the message has no node.
  bool AddNode(std::string* message);
  // Returns the text of the first field `tag` of `parent`, or "" if there is none.
  std::string TextIn(const std::string& message, int parent, uint32_t tag) const;
  std::string NewValue(const Field& field, std::string_view value);
  size_t Pick(size_t count) { return count == 0 ? 0 : random_() % count; }
  // Returns a random field, at the same place as `like` if there is one, or -1 if there is no field.
  int PickLike(const Field& like, int besides);

  std::vector<std::string> words_;
  NodeMaker nodes_;
  MutateBytes mutate_bytes_;
  std::vector<Field> fields_;  // in order of `begin`
  std::mt19937 random_;
};

}  // namespace ke::fuzz
