#include "cluster/server.h"

#include <mutex>

#include "cluster/worker_identity.h"
#include "runtime/config_proto.h"
#include "runtime/process.h"
#include "tensorflow/protozero.h"
#include "wire/field_numbers.h"

namespace ke::runtime {

using tf::C;

namespace {

namespace server_def = fields::server_def;
namespace job_def = fields::job_def;
namespace map_entry = fields::map_entry;

constexpr char kJob[] = "worker";
constexpr int kOwnTimeoutMs = 30000;

std::string ServerDef(const ServerOptions& options) {
  std::string bytes;
  protozero::pbf_writer server(bytes);
  {
    protozero::pbf_writer cluster(server, server_def::kCluster);
    protozero::pbf_writer job(cluster, fields::cluster_def::kJob);
    job.add_string(job_def::kName, kJob);
    protozero::pbf_writer task(job, job_def::kTasks);
    task.add_int32(map_entry::kKey, 0);
    task.add_string(map_entry::kValue, "localhost:" + std::to_string(options.port));
  }
  server.add_string(server_def::kJobName, kJob);
  server.add_int32(server_def::kTaskIndex, 0);
  {
    protozero::pbf_writer config(server, server_def::kDefaultSessionConfig);
    if (options.cpus > 1) config_proto::AddDeviceCount(tf::kCpu, options.cpus, &config);
    config.add_int32(fields::config::kIntraOpParallelismThreads, options.intra_op);
    config.add_int32(fields::config::kInterOpParallelismThreads, options.threads);
    config.add_message(fields::config::kGpuOptions, GpuOptionsProto());
    config.add_bool(fields::config::kAllowSoftPlacement, true);
  }
  server.add_string(server_def::kProtocol, "grpc");
  return bytes;
}

std::string Quoted(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    if (static_cast<unsigned char>(c) >= 0x20) quoted += c;
  }
  return quoted + "\"";
}

std::string IdentityJson(const ServerOptions& options, const std::vector<Session::Device>& devices) {
  std::string list;
  for (const Session::Device& device : devices) {
    list += (list.empty() ? "" : ", ") + std::string("{\"name\": ") + Quoted(device.name) +
            ", \"type\": " + Quoted(device.type) +
            ", \"memoryBytes\": " + std::to_string(device.memory_bytes) + "}";
  }
  return "{\"package\": " + Quoted(options.package) + ", \"tensorflow\": " + Quoted(C().TF_Version()) +
         ", \"threads\": " + std::to_string(options.threads) + ", \"devices\": [" + list + "]}";
}

}  // namespace

std::vector<Session::Device> StartServer(const ServerOptions& options) {
  static std::mutex mutex;
  static TF_Server* server = nullptr;  // never deleted, because TensorFlow would end the process
  const std::lock_guard<std::mutex> lock(mutex);
  if (server != nullptr) {
    throw tf::Error(TF_FAILED_PRECONDITION, "this process is already a worker, at " +
                                                std::string(C().TF_ServerTarget(server)) +
                                                ": a process can become a worker only once");
  }
  const std::string definition = ServerDef(options);
  tf::Status status;
  TF_Server* const made = C().TF_NewServer(definition.data(), definition.size(), status);
  status.Check();
  server = made;
  C().TF_ServerStart(server, status);
  status.Check();
  const std::string target = C().TF_ServerTarget(server);
  const IdentitySession identity_session(target, kOwnTimeoutMs);
  identity_session.Publish(IdentityJson(options, {}));  // devices can be listed only after a first run
  std::vector<Session::Device> devices = identity_session.Devices();
  identity_session.Publish(IdentityJson(options, devices));
  identity_session.Close();
  return devices;
}

}  // namespace ke::runtime
