// What the runtime needs of a connection to a worker. The room `cluster` implements the connection.
#pragma once

#include <memory>
#include <vector>

#include "build/scope.h"
#include "runtime/session.h"

namespace ke::runtime {

class Instance;

class RemoteLink {
 public:
  RemoteLink() = default;
  virtual ~RemoteLink() = default;
  RemoteLink(const RemoteLink&) = delete;
  RemoteLink& operator=(const RemoteLink&) = delete;

  // Sends the variables that the worker lacks. Blocking. Throws tf::Error.
  virtual void SendWeights(const Session& session,
                           const std::vector<graph::Scope::Initializer>& initializers) = 0;
  // Ends an instance on the worker. Does not wait for the worker.
  virtual void Discard(std::unique_ptr<Instance> instance) = 0;
};

}  // namespace ke::runtime
