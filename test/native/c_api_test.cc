// Compares the declarations of TensorFlow's C API in native/tensorflow (c_types.h, functions.inc) with the
// headers of the installed library, at compile time. If the library has no headers (a system library, or a
// library from a jar), the test is reported as skipped.

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <type_traits>

#if __has_include(<tensorflow/c/c_api.h>)
#include <tensorflow/c/c_api.h>
#include <tensorflow/c/c_api_experimental.h>
// Removes from kernels.h the parts that need a header outside the C API.
#define IS_SLIM_BUILD
#include <tensorflow/c/kernels.h>
#include <tensorflow/c/ops.h>

// Our declarations of the types, beside TensorFlow's types of the same names.
namespace ours {
#include "tensorflow/c_types.h"
}

// The functions: every row of functions.inc, with its parameters in TensorFlow's own types.
#define KE_TF(result, name, parameters) \
  static_assert(std::is_same_v<decltype(&::name), result(*) parameters>, #name " is declared differently");
#include "tensorflow/functions.inc"
#undef KE_TF

#define SAME_VALUE(name) \
  static_assert(static_cast<int>(ours::name) == static_cast<int>(::name), #name " has another value");
#define SAME_FIELD(type, field)                                                                          \
  static_assert(offsetof(ours::type, field) == offsetof(::type, field), #type "::" #field " has moved"); \
  static_assert(sizeof(ours::type::field) == sizeof(::type::field), #type "::" #field " has another size");
#define SAME_SIZE(type) static_assert(sizeof(ours::type) == sizeof(::type), #type " has another size");

SAME_SIZE(TF_Buffer)
SAME_FIELD(TF_Buffer, data)
SAME_FIELD(TF_Buffer, length)
SAME_FIELD(TF_Buffer, data_deallocator)
SAME_SIZE(TF_Output)
SAME_FIELD(TF_Output, oper)
SAME_FIELD(TF_Output, index)
SAME_SIZE(TF_Input)
SAME_FIELD(TF_Input, oper)
SAME_FIELD(TF_Input, index)
SAME_SIZE(TF_AttrMetadata)
SAME_FIELD(TF_AttrMetadata, is_list)
SAME_FIELD(TF_AttrMetadata, list_size)
SAME_FIELD(TF_AttrMetadata, type)
SAME_FIELD(TF_AttrMetadata, total_size)

SAME_SIZE(TF_AttrType)
SAME_VALUE(TF_ATTR_STRING)
SAME_VALUE(TF_ATTR_INT)
SAME_VALUE(TF_ATTR_FLOAT)
SAME_VALUE(TF_ATTR_BOOL)
SAME_VALUE(TF_ATTR_TYPE)
SAME_VALUE(TF_ATTR_SHAPE)
SAME_VALUE(TF_ATTR_TENSOR)
SAME_VALUE(TF_ATTR_PLACEHOLDER)
SAME_VALUE(TF_ATTR_FUNC)

SAME_SIZE(TF_DataType)
SAME_VALUE(TF_FLOAT)
SAME_VALUE(TF_DOUBLE)
SAME_VALUE(TF_INT32)
SAME_VALUE(TF_UINT8)
SAME_VALUE(TF_INT16)
SAME_VALUE(TF_INT8)
SAME_VALUE(TF_STRING)
SAME_VALUE(TF_COMPLEX64)
SAME_VALUE(TF_INT64)
SAME_VALUE(TF_BOOL)
SAME_VALUE(TF_QINT8)
SAME_VALUE(TF_QUINT8)
SAME_VALUE(TF_QINT32)
SAME_VALUE(TF_BFLOAT16)
SAME_VALUE(TF_QINT16)
SAME_VALUE(TF_QUINT16)
SAME_VALUE(TF_UINT16)
SAME_VALUE(TF_COMPLEX128)
SAME_VALUE(TF_HALF)
SAME_VALUE(TF_RESOURCE)
SAME_VALUE(TF_VARIANT)
SAME_VALUE(TF_UINT32)
SAME_VALUE(TF_UINT64)

SAME_SIZE(TF_Code)
SAME_VALUE(TF_OK)
SAME_VALUE(TF_CANCELLED)
SAME_VALUE(TF_UNKNOWN)
SAME_VALUE(TF_INVALID_ARGUMENT)
SAME_VALUE(TF_DEADLINE_EXCEEDED)
SAME_VALUE(TF_NOT_FOUND)
SAME_VALUE(TF_ALREADY_EXISTS)
SAME_VALUE(TF_PERMISSION_DENIED)
SAME_VALUE(TF_RESOURCE_EXHAUSTED)
SAME_VALUE(TF_FAILED_PRECONDITION)
SAME_VALUE(TF_ABORTED)
SAME_VALUE(TF_OUT_OF_RANGE)
SAME_VALUE(TF_UNIMPLEMENTED)
SAME_VALUE(TF_INTERNAL)
SAME_VALUE(TF_UNAVAILABLE)
SAME_VALUE(TF_DATA_LOSS)
SAME_VALUE(TF_UNAUTHENTICATED)

TEST(CApi, DeclarationsEqualTheInstalledHeaders) { SUCCEED() << "checked while this file was compiled"; }

#else

TEST(CApi, DeclarationsEqualTheInstalledHeaders) {
  GTEST_SKIP() << "the installed libtensorflow has no headers (tensorflow/c/c_api.h)";
}

#endif
