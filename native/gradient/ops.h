// The building blocks of gradient rules, named after the computation.
#pragma once

#include <string>
#include <vector>

#include "build/scope.h"

namespace ke::gradient {

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
  // Return x * factor and x + term, with a scalar of x's dtype.
  TF_Output Scale(TF_Output x, double factor) const;
  TF_Output Shift(TF_Output x, double term) const;
  // Returns `value` where `mask` (bool, broadcast) is true, else 0. Never computes 0 * inf.
  TF_Output Masked(TF_Output mask, TF_Output value) const;
  TF_Output Cast(TF_Output x, TF_DataType dtype) const;
  TF_Output ZerosLike(TF_Output x) const { return Unary("ZerosLike", x); }

  TF_Output Ints(const std::vector<int32_t>& values) const { return scope_->Const(values); }
  TF_Output Int(int32_t value) const { return scope_->Const(value); }

  TF_Output Sum(TF_Output x, const std::vector<int>& axes, bool keep_dims) const;
  TF_Output Mean(TF_Output x, const std::vector<int>& axes, bool keep_dims) const;
  TF_Output Reshape(TF_Output x, TF_Output shape) const { return Binary("Reshape", x, shape); }
  TF_Output Transpose(TF_Output x, const std::vector<int32_t>& order) const;
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
