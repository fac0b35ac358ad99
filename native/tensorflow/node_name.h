#pragma once

#include <string>

namespace ke::tf {

// Returns the node that a message of TensorFlow names ("... [[{{node conv1/Relu}}]]"), or "".
std::string NodeNamedIn(const std::string& message);

}  // namespace ke::tf
