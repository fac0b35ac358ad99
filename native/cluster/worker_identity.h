// What a worker says of itself: a string variable that its server holds, by which a client knows that it is
// one, and of its own versions.
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
  std::vector<std::string> devices;  // as "/device:CPU:0"; none while it starts
  std::string json;                  // all of it: { package, tensorflow, threads, devices }
};

// The identity that is written so. Throws DATA_LOSS for any other text.
WorkerIdentity ReadIdentity(std::string text);

// A session of a server for what is not computing: to publish the identity, to read it, to ask for devices.
// Every call may block for the timeout.
class IdentitySession {
 public:
  IdentitySession(const std::string& target, int timeout_ms);
  ~IdentitySession();

  void Publish(const std::string& json) const;
  // Throws FAILED_PRECONDITION where the server has none: it is no worker of this package.
  WorkerIdentity Read() const;
  void Close() const { session_->Close(); }
  // Answers as long as the server does; after Publish or Read.
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
