// The protozero library, which reads and writes protobufs. Always include protozero through this header:
// without it, a broken model can end the process.
#pragma once

// protozero asserts that the tags that it reads are valid. In builds with assertions, such as node-gyp's, a
// broken file would abort the process. Without the assertions, an invalid tag is treated as an unknown field.
// Reads out of bounds do not depend on the assertions: protozero refuses these reads by exceptions.
#define protozero_assert(condition) static_cast<void>(0)

#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>
