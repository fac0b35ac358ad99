#pragma once

#include <string>
#include <string_view>

namespace ke::graph {

// A sample of a model's path, enough to identify the format. Only a few KiB are read, whatever the size of
// the file.
struct PathSample {
  enum class Kind {
    kNothing,
    kFile,
    kDirectory,
    kOther,  // a FIFO, a socket, a device: never opened, because opening may block
  };
  std::string path;
  Kind kind = Kind::kNothing;
  // The first bytes of the file, or of the directory's saved_model.pb.
  std::string start;
  std::string end;  // the last 8 bytes of the file

  bool IsFile() const { return kind == Kind::kFile; }
  // Returns whether the path is a directory with a file of that name.
  bool Holds(const std::string& name) const;
  // Returns the last part of the path.
  std::string FileName() const;
};

// Reads the sample of a path, through symbolic links. Throws PERMISSION_DENIED if reading is not permitted,
// and NOT_FOUND if the system cannot follow the path (a cycle of links, or a name that is too long).
PathSample SampleOf(const std::string& path);

}  // namespace ke::graph
