// The hooks of libFuzzer. --target=NAME names the target, and libFuzzer ignores the option. The mutator also
// uses the words of -dict=FILE.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <fstream>
#include <memory>
#include <string>

#include "../targets/targets.h"
#include "tensorflow/library.h"
#include "wire.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace {

using ke::fuzz::WireMutator;

const ke::fuzz::Target* target = nullptr;
std::unique_ptr<WireMutator> mutator;

std::string_view Text(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

size_t Give(const std::string& made, uint8_t* data, size_t max_size) {
  if (made.size() > max_size) return 0;
  std::memcpy(data, made.data(), made.size());
  return made.size();
}

// Returns the quoted words of a dictionary. Our dictionaries contain no escapes.
std::vector<std::string> ReadWords(const std::string& path) {
  std::vector<std::string> words;
  std::ifstream lines(path);
  for (std::string line; std::getline(lines, line);) {
    const size_t begin = line.find('"');
    const size_t end = line.rfind('"');
    if (begin < end && line[0] != '#') words.push_back(line.substr(begin + 1, end - begin - 1));
  }
  return words;
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  const auto option = [&](const std::string& name) {
    for (int i = 1; i < *argc; ++i) {
      const std::string word = (*argv)[i];
      if (word.compare(0, name.size(), name) == 0) return word.substr(name.size());
    }
    return std::string();
  };
  const char* library = std::getenv("KE_FUZZ_TENSORFLOW");
  try {
    target = &ke::fuzz::FindTarget(option("--target="));
    ke::tf::LoadLibrary(library == nullptr ? "" : library);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\nUse `npm run fuzz`, which gives --target=NAME and KE_FUZZ_TENSORFLOW\n",
                 error.what());
    std::exit(2);
  }
  mutator = std::make_unique<WireMutator>(ReadWords(option("-dict=")), LLVMFuzzerMutate);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  target->run(Text(data, size));
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned int seed) {
  // Some mutations are unstructured: only readers of whole files see some kinds of damage.
  if (!target->is_protobuf || seed % 16 == 0) return LLVMFuzzerMutate(data, size, max_size);
  const size_t made = Give(mutator->Mutate(std::string(Text(data, size)), seed), data, max_size);
  return made > 0 ? made : LLVMFuzzerMutate(data, size, max_size);
}

extern "C" size_t LLVMFuzzerCustomCrossOver(const uint8_t* data1, size_t size1, const uint8_t* data2,
                                            size_t size2, uint8_t* out, size_t max_size, unsigned int seed) {
  const std::string_view a = Text(data1, size1);
  const std::string_view b = Text(data2, size2);
  if (target->is_protobuf) return Give(mutator->CrossOver(std::string(a), b, seed), out, max_size);
  return Give(std::string(a.substr(0, seed % (size1 + 1))) + std::string(b.substr(seed / 7 % (size2 + 1))),
              out, max_size);
}
