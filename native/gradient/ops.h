// The building blocks of gradient rules, named after the computation.
#pragma once

#include <string>
#include <vector>

#include "build/scope.h"

namespace ke::gradient {

constexpr bool IsComplex(TF_DataType dtype) { return dtype == TF_COMPLEX64 || dtype == TF_COMPLEX128; }

// Returns the dtype of the parts of a complex dtype, and any other dtype unchanged.
constexpr TF_DataType RealOf(TF_DataType dtype) {
  return dtype == TF_COMPLEX64 ? TF_FLOAT : dtype == TF_COMPLEX128 ? TF_DOUBLE : dtype;
}

// Adds ops to one scope under one name prefix. Cheap to copy. The scope must outlive this object.
class Ops {
 public:
  Ops(graph::Scope* scope, std::string prefix) : scope_(scope), prefix_(std::move(prefix)) {}

  graph::Scope* scope() const { return scope_; }
  graph::OpBuilder Op(const std::string& type) const { return scope_->Op(type, prefix_ + type); }

  TF_Output Unary(const std::string& type, TF_Output x) const { return Op(type).In(x).Out(); }
  TF_Output Binary(const std::string& type, TF_Output a, TF_Output b) const {
    return Op(type).In(a).In(b).Out();
  }

  TF_Output Add(TF_Output a, TF_Output b) const { return Binary("AddV2", a, b); }
  TF_Output Sub(TF_Output a, TF_Output b) const { return Binary("Sub", a, b); }
  TF_Output Mul(TF_Output a, TF_Output b) const { return Binary("Mul", a, b); }
  TF_Output Div(TF_Output a, TF_Output b) const { return Binary("RealDiv", a, b); }
  TF_Output Neg(TF_Output x) const { return Unary("Neg", x); }
  TF_Output Square(TF_Output x) const { return Unary("Square", x); }
  // Returns a scalar of a real or complex dtype.
  TF_Output Scalar(TF_DataType dtype, double value) const;
  // Returns the complex conjugate. The conjugate of a real tensor is the tensor itself.
  TF_Output Conj(TF_Output x) const;
  // Returns a complex tensor.
  TF_Output Complex(TF_Output real, TF_Output imaginary) const;
  // Return the parts of a complex tensor in the real dtype of the same precision.
  TF_Output Real(TF_Output x) const;
  TF_Output Imag(TF_Output x) const;
  // Return x * factor and x + term, with a scalar of x's dtype.
  TF_Output Scale(TF_Output x, double factor) const;
  TF_Output Shift(TF_Output x, double term) const;
  // Returns `value` where `mask` (bool, broadcast) is true, else 0. Never computes 0 * inf.
  TF_Output Masked(TF_Output mask, TF_Output value) const;
  TF_Output Select(TF_Output mask, TF_Output yes, TF_Output no) const {
    return Op("SelectV2").In(mask).In(yes).In(no).Out();
  }
  TF_Output Cast(TF_Output x, TF_DataType dtype) const;
  TF_Output ZerosLike(TF_Output x) const { return Unary("ZerosLike", x); }

  TF_Output Ints(const std::vector<int32_t>& values) const { return scope_->Const(values); }
  TF_Output Int(int32_t value) const { return scope_->Const(value); }

  TF_Output Sum(TF_Output x, const std::vector<int>& axes, bool keep_dims) const;
  TF_Output Mean(TF_Output x, const std::vector<int>& axes, bool keep_dims) const;
  TF_Output Reshape(TF_Output x, TF_Output shape) const { return Binary("Reshape", x, shape); }
  TF_Output Transpose(TF_Output x, const std::vector<int32_t>& order) const;
  // Returns the product of two batches of matrices. A set flag takes the adjoint (the conjugate transpose).
  TF_Output MatMul(TF_Output a, TF_Output b, bool adjoint_a = false, bool adjoint_b = false) const;
  // Returns the conjugate transpose of a batch of matrices, of any rank.
  TF_Output Adjoint(TF_Output x) const;
  // Returns the rows of `x` (along the first axis) at `indices`.
  TF_Output Gather(TF_Output x, TF_Output indices) const {
    return Op("GatherV2").In(x).In(indices).In(Int(0)).Out();
  }
  // Returns the vector 0, 1, ..., count - 1. `count` is an int32 scalar.
  TF_Output Range(TF_Output count) const { return Op("Range").In(Int(0)).In(count).In(Int(1)).Out(); }
  TF_Output ExpandDims(TF_Output x, int axis) const { return Op("ExpandDims").In(x).In(Int(axis)).Out(); }
  TF_Output Concat(const std::vector<TF_Output>& values, int axis) const;
  TF_Output Stack(const std::vector<TF_Output>& values, int axis) const;
  TF_Output Slice(TF_Output x, TF_Output begin, TF_Output size) const {
    return Op("Slice").In(x).In(begin).In(size).Out();
  }
  // Returns the elements [begin, end) of a vector. A negative `end` counts from the vector's end; 0 means all
  // remaining elements.
  TF_Output SliceVector(TF_Output vector, int begin, int end) const;
  TF_Output Product(TF_Output vector) const;  // of an int32 vector; a scalar

  // Returns the shape as an int32 (or `dtype`) vector: a Const if the shape is static, else computed at run
  // time.
  TF_Output ShapeOf(TF_Output x, TF_DataType dtype = TF_INT32) const;
  // Returns an integer Const of `dtype` (int32 or int64).
  TF_Output ConstShape(const std::vector<int64_t>& dims, TF_DataType dtype = TF_INT32) const;

 private:
  graph::Scope* scope_;
  std::string prefix_;
};

}  // namespace ke::gradient
