#pragma once

#include <string>
#include <string_view>

namespace ke::graph {

// What stands at a model's path: enough to tell its format. A few KiB are read, whatever the file's size.
struct PathSample {
  enum class Kind {
    kNothing,
    kFile,
    kDirectory,
    kOther,  // a FIFO, a socket, a device: never opened, since that may block
  };
  std::string path;
  Kind kind = Kind::kNothing;
  // The first bytes of the file, or of the directory's saved_model.pb.
  std::string start;
  std::string end;  // the file's last 8 bytes

  bool IsFile() const { return kind == Kind::kFile; }
  // Whether it is a directory with a file of that name.
  bool Holds(const std::string& name) const;
  // The last part of the path.
  std::string FileName() const;
};

// Looks at the path, through symbolic links. Throws PERMISSION_DENIED where it may not be read, NOT_FOUND
// where the system cannot follow the path (a circle of links, a name too long).
PathSample SampleOf(const std::string& path);

}  // namespace ke::graph
