#pragma once

#include <string>

namespace ke::tf {

// The node that a message of TensorFlow's names ("... [[{{node conv1/Relu}}]]"), or "".
std::string NodeNamedIn(const std::string& message);

}  // namespace ke::tf
