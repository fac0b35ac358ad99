// What belongs to the process and not to one environment: TensorFlow's library.
#pragma once

#include <string>

namespace ke::runtime {

// Sets the environment variables that TensorFlow reads once, where the user has not: for every session its
// own op threads (else the first session of the process decides for all), oneDNN's packed form of a weight
// kept from run to run (weights never change here, but most are variables), and no information logged. Not
// thread-safe, as setenv is not: call it on the JavaScript thread, before LoadTensorFlow.
void PrepareTensorFlowEnvironment();

// tf::LoadLibrary; returns TensorFlow's version. Takes 0.2 to 0.6 s.
std::string LoadTensorFlow(const std::string& path);

}  // namespace ke::runtime
