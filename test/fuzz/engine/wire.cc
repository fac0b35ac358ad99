#include "wire.h"

#include <algorithm>
#include <cctype>

namespace ke::fuzz {
namespace {

constexpr uint32_t kVarint = 0;
constexpr uint32_t kFixed64 = 1;
constexpr uint32_t kText = 2;
constexpr uint32_t kFixed32 = 5;
constexpr uint32_t kHighestTag = 64;  // of the messages that the targets read; text rarely has such low tags
constexpr int kDeepest = 24;
constexpr size_t kLongestLeaf = 4096;  // of values that are mutated as plain bytes

bool ReadVarint(std::string_view bytes, size_t* at, size_t end, uint64_t* value) {
  *value = 0;
  for (int shift = 0; *at < end && shift < 64; shift += 7) {
    const auto byte = static_cast<uint8_t>(bytes[(*at)++]);
    *value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

std::string Varint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes.push_back(static_cast<char>(value | 0x80));
  bytes.push_back(static_cast<char>(value));
  return bytes;
}

std::string Key(uint32_t tag, uint32_t type) { return Varint(tag << 3 | type); }

// Moves `at` past one field. Returns false if there is no field.
bool SkipField(std::string_view bytes, size_t* at, size_t end, uint32_t* tag, uint32_t* type, size_t* body) {
  uint64_t key = 0;
  if (!ReadVarint(bytes, at, end, &key)) return false;
  *tag = static_cast<uint32_t>(key >> 3);
  *type = key & 7;
  if (*tag == 0 || key >> 3 > kHighestTag) return false;
  *body = *at;
  uint64_t value = 0;
  switch (*type) {
    case kVarint:
      return ReadVarint(bytes, at, end, &value);
    case kFixed64:
    case kFixed32:
      *at += *type == kFixed64 ? 8 : 4;
      return *at <= end;
    case kText:
      if (!ReadVarint(bytes, at, end, &value) || value > end - *at) return false;
      *body = *at;
      *at += value;
      return true;
    default:
      return false;
  }
}

bool IsMessage(std::string_view bytes, size_t begin, size_t end) {
  uint32_t tag = 0;
  uint32_t type = 0;
  size_t body = 0;
  size_t at = begin;
  while (at < end) {
    if (!SkipField(bytes, &at, end, &tag, &type, &body)) return false;
  }
  return begin < end;
}

uint64_t Interesting(std::mt19937* random) {
  constexpr uint64_t kValues[] = {
      0,         1,          2,          3,     7,          8,          16,         127,        128,
      255,       256,        1000,       65535, 1 << 20,    INT32_MAX,  1ULL << 31, UINT32_MAX, 1ULL << 32,
      INT64_MAX, 1ULL << 63, UINT64_MAX, ~1ULL, 1ULL << 40, 1ULL << 61, 100};
  return kValues[(*random)() % std::size(kValues)];
}

}  // namespace

void WireMutator::Collect(std::string_view message, size_t begin, size_t end, int parent, uint32_t path,
                          int depth) {
  for (size_t at = begin; at < end;) {
    Field field{};
    field.begin = at;
    if (!SkipField(message, &at, end, &field.tag, &field.type, &field.body)) return;
    field.end = at;
    field.parent = parent;
    field.path = path * 31 + field.tag;
    field.is_message = field.type == kText && depth < kDeepest && IsMessage(message, field.body, field.end);
    const int index = static_cast<int>(fields_.size());
    fields_.push_back(field);
    if (field.is_message) Collect(message, field.body, field.end, index, field.path, depth + 1);
  }
}

void WireMutator::Splice(std::string* message, int parent, size_t begin, size_t end,
                         std::string_view with) const {
  message->replace(begin, end - begin, with);
  auto grown = static_cast<std::ptrdiff_t>(with.size()) - static_cast<std::ptrdiff_t>(end - begin);
  for (int at = parent; at >= 0; at = fields_[at].parent) {
    const Field& field = fields_[at];
    const auto size = static_cast<std::ptrdiff_t>(field.end - field.body) + grown;
    const std::string header = Key(field.tag, kText) + Varint(static_cast<uint64_t>(size));
    grown +=
        static_cast<std::ptrdiff_t>(header.size()) - static_cast<std::ptrdiff_t>(field.body - field.begin);
    message->replace(field.begin, field.body - field.begin, header);
  }
}

int WireMutator::PickLike(const Field& like, int besides) {
  const size_t start = Pick(fields_.size());
  for (size_t i = 0; i < fields_.size(); ++i) {
    const auto at = static_cast<int>((start + i) % fields_.size());
    if (at != besides && fields_[at].path == like.path && fields_[at].type == like.type) return at;
  }
  return -1;
}

// Returns a new value of the same wire type, including its length prefix.
std::string WireMutator::NewValue(const Field& field, std::string_view value) {
  if (field.type == kVarint) {
    uint64_t number = 0;
    size_t at = 0;
    ReadVarint(value, &at, value.size(), &number);
    switch (Pick(4)) {
      case 0:
        return Varint(Interesting(&random_));
      case 1:
        return Varint(number + Pick(9) - 4);
      case 2:
        return Varint(Pick(64));
      default:
        return Varint(number ^ 1ULL << Pick(64));
    }
  }
  std::string bytes(value);
  if (field.type == kText && Pick(3) == 0 && !words_.empty()) {
    bytes = words_[Pick(words_.size())];
  } else if (bytes.size() <= kLongestLeaf) {
    const size_t room = field.type == kText ? bytes.size() + 64 : bytes.size();
    std::vector<uint8_t> buffer(bytes.begin(), bytes.end());
    buffer.resize(room);
    buffer.resize(mutate_bytes_(buffer.data(), bytes.size(), room));
    bytes.assign(buffer.begin(), buffer.end());
  } else {
    bytes[Pick(bytes.size())] = static_cast<char>(random_());
  }
  if (field.type == kText) return Varint(bytes.size()) + bytes;
  bytes.resize(field.type == kFixed64 ? 8 : 4);
  return bytes;
}

std::string WireMutator::TextIn(const std::string& message, int parent, uint32_t tag) const {
  for (size_t at = static_cast<size_t>(parent) + 1;
       at < fields_.size() && fields_[at].begin < fields_[parent].end; ++at) {
    const Field& field = fields_[at];
    if (field.parent == parent && field.tag == tag && field.type == kText) {
      return message.substr(field.body, field.end - field.body);
    }
  }
  return {};
}

// A message counts as a NodeDef if it has a name (1) and an op (2). Its only messages are attributes (5).
bool WireMutator::AddNode(std::string* message) {
  const size_t start = Pick(fields_.size());
  for (size_t i = 0; i < fields_.size(); ++i) {
    const int at = static_cast<int>((start + i) % fields_.size());
    const Field& node = fields_[at];
    const std::string op = node.is_message ? TextIn(*message, at, 2) : std::string();
    const std::string name = node.is_message ? TextIn(*message, at, 1) : std::string();
    if (op.empty() || name.empty() || !std::isupper(static_cast<unsigned char>(op[0])) || op.size() > 64)
      continue;
    std::vector<std::string> inputs = {name};
    for (const Field& field : fields_) {
      // Inputs of sibling nodes, which name tensors of the same graph.
      const bool input = field.tag == 3 && field.type == kText && field.parent >= 0 &&
                         fields_[field.parent].path == node.path;
      if (input && inputs.size() < 32) inputs.push_back(message->substr(field.body, field.end - field.body));
    }
    const bool replaces = Pick(2) == 0;
    if (replaces) {
      inputs.erase(inputs.begin());
      const std::string own = TextIn(*message, at, 3);
      if (!own.empty()) inputs.assign(3, own);
    }
    std::string added;
    for (const std::string& made :
         nodes_.Make(replaces ? name : "made" + std::to_string(Pick(100)), inputs, &random_)) {
      added += Key(node.tag, kText) + Varint(made.size()) + made;
    }
    Splice(message, node.parent, replaces ? node.begin : node.end, node.end, added);
    return true;
  }
  return false;
}

void WireMutator::Once(std::string* message) {
  fields_.clear();
  Collect(*message, 0, message->size(), -1, 0, 0);
  if (fields_.empty() || (Pick(5) == 0 && AddNode(message))) return;
  const int chosen = static_cast<int>(Pick(fields_.size()));
  const Field& field = fields_[chosen];
  const std::string whole = message->substr(field.begin, field.end - field.begin);
  switch (Pick(12)) {
    case 0:
      return Splice(message, field.parent, field.begin, field.end, {});
    case 1:
      return Splice(message, field.parent, field.end, field.end, whole);
    case 2: {  // the value of a similar field instead
      const int like = PickLike(field, chosen);
      if (like < 0) return;
      const std::string other = message->substr(fields_[like].begin, fields_[like].end - fields_[like].begin);
      // One of the fields may contain the other.
      return Splice(message, field.parent, field.begin, field.end, other);
    }
    case 3: {  // a copy of any field, before this one
      const Field& any = fields_[Pick(fields_.size())];
      const std::string other = message->substr(any.begin, any.end - any.begin);
      return Splice(message, field.parent, field.begin, field.begin, other);
    }
    case 4: {  // another tag
      std::string other = Key(1 + static_cast<uint32_t>(Pick(16)), field.type);
      if (field.type == kText) other += Varint(field.end - field.body);
      return Splice(message, field.parent, field.begin, field.body, other);
    }
    case 5: {  // a new number
      const std::string added =
          Key(1 + static_cast<uint32_t>(Pick(16)), kVarint) + Varint(Interesting(&random_));
      return Splice(message, field.parent, field.begin, field.begin, added);
    }
    case 6: {  // a copy of the field inside itself
      if (!field.is_message) break;
      return Splice(message, chosen, field.end, field.end, whole);
    }
    case 7: {  // emptied
      if (field.type != kText) break;
      return Splice(message, field.parent, field.begin, field.end, Key(field.tag, kText) + Varint(0));
    }
    default:
      break;
  }
  // Most fields are messages. Messages are rarely chosen here, because their values consist of other fields.
  const size_t start = Pick(fields_.size());
  for (size_t i = 0; i < fields_.size(); ++i) {
    const Field& leaf = fields_[(start + i) % fields_.size()];
    if (leaf.is_message && Pick(50) != 0) continue;
    const std::string changed =
        Key(leaf.tag, leaf.type) +
        NewValue(leaf, std::string_view(*message).substr(leaf.body, leaf.end - leaf.body));
    return Splice(message, leaf.parent, leaf.begin, leaf.end, changed);
  }
}

std::string WireMutator::Mutate(std::string message, uint32_t seed) {
  random_.seed(seed);
  const size_t times = 1 + (Pick(2) == 0 ? 0 : Pick(5));
  for (size_t i = 0; i < times; ++i) Once(&message);
  return message;
}

std::string WireMutator::CrossOver(std::string message, std::string_view other, uint32_t seed) {
  random_.seed(seed);
  fields_.clear();
  Collect(other, 0, other.size(), -1, 0, 0);
  if (fields_.empty()) return message;
  const Field given = fields_[Pick(fields_.size())];
  const std::string_view bytes = other.substr(given.begin, given.end - given.begin);
  fields_.clear();
  Collect(message, 0, message.size(), -1, 0, 0);
  const int place = PickLike(given, -1);
  if (place < 0) return message;
  const Field& taken = fields_[place];
  Splice(&message, taken.parent, taken.begin, Pick(2) == 0 ? taken.begin : taken.end, bytes);
  return message;
}

}  // namespace ke::fuzz
