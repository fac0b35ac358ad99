// protozero, which reads and writes protobufs. Always included by this header, or a broken model ends the
// process.
#pragma once

// It asserts that tags in what it reads are valid. Where assertions are on, as in node-gyp's builds, they
// would let any file abort the process; without them such a field is one that nobody knows. What would be
// read out of bounds it refuses by exceptions, not by these.
#define protozero_assert(condition) static_cast<void>(0)

#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>
