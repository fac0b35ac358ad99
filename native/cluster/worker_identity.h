// The identity of a worker: a string variable on the worker's server. By this variable a client recognises a
// worker and the worker's versions.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "build/scope.h"
#include "runtime/session.h"

namespace ke::runtime {

struct WorkerIdentity {
  std::string package;     // version
  std::string tensorflow;  // version
  int threads = 1;
  std::vector<std::string> devices;  // such as "/device:CPU:0"; empty while the worker starts
  std::string json;                  // the whole identity: { package, tensorflow, threads, devices }
};

// Reads an identity from its JSON text. Throws DATA_LOSS for any other text.
WorkerIdentity ReadIdentity(std::string text);

// A session on a server that computes nothing. The session publishes the identity, reads the identity, or
// lists the devices. Every call may block for the timeout.
class IdentitySession {
 public:
  IdentitySession(const std::string& target, int timeout_ms);
  ~IdentitySession();

  void Publish(const std::string& json) const;
  // Throws FAILED_PRECONDITION if the server has no identity and therefore is not a worker of this package.
  WorkerIdentity Read() const;
  void Close() const { session_->Close(); }
  // Returns the devices. Call Devices after Publish or Read. The call succeeds for as long as the server
  // answers.
  std::vector<Session::Device> Devices() const { return session_->Devices(); }

 private:
  graph::Scope scope_;
  TF_Output value_;
  TF_Output known_;
  TF_Output read_;
  TF_Operation* assign_;
  std::unique_ptr<Session> session_;
};

}  // namespace ke::runtime
