// Gradients where finite differences say nothing (at zeros, infinities, ties and the ends of intervals), and
// gradients that TensorFlow defines: compared with the values of TensorFlow's own tape in
// test/fixtures/gradients/values.txt. scripts/fixtures/make_gradient_values.py makes the file and documents
// its format.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <set>
#include <sstream>

#include "gradient/registry.h"
#include "gradient/tape.h"
#include "gradient_check.h"
#include "run_graph.h"
#include "tensorflow/dtype.h"

namespace ke::test {

const std::vector<std::string>& GradientsDefinedByTensorflow() {
  static const std::vector<std::string> types = {
      "FakeQuantWithMinMaxArgs",    "FakeQuantWithMinMaxVars",   "FakeQuantWithMinMaxVarsPerChannel",
      "QuantizeAndDequantizeV2",    "QuantizeAndDequantizeV3",   "QuantizeAndDequantizeV4",
      "ImageProjectiveTransformV2", "ImageProjectiveTransformV3"};
  return types;
}

namespace {

using graph::Scope;
using graph::Shape;
using Doubles = std::vector<double>;

// One line of the file.
class Line {
 public:
  explicit Line(const std::string& text) : words_(text) {}

  std::string Word() {
    std::string word;
    words_ >> word;
    return word;
  }
  int64_t Int() { return std::stoll(Word()); }
  // strtod also reads "inf" and "nan".
  Doubles Numbers() {
    Doubles numbers;
    for (std::string word = Word(); !word.empty(); word = Word()) {
      numbers.push_back(std::strtod(word.c_str(), nullptr));
    }
    return numbers;
  }

 private:
  std::istringstream words_;
};

struct Value {
  std::string dtype;
  std::vector<int64_t> shape;
  Doubles numbers;

  bool is_complex() const { return dtype == "complex128"; }
  bool is_single() const { return dtype == "float32"; }
  TF_DataType Type() const {
    return dtype == "float32" ? TF_FLOAT
           : dtype == "int32" ? TF_INT32
           : dtype == "bool"  ? TF_BOOL
                              : TF_DOUBLE;
  }
};

Value ReadValue(Line line) {
  Value value;
  value.dtype = line.Word();
  value.shape.resize(line.Int());
  for (int64_t& dim : value.shape) dim = line.Int();
  value.numbers = line.Numbers();
  return value;
}

struct Input {
  bool fed;
  Value value;
};

struct ValueCase {
  std::string op;
  std::vector<std::string> attrs;
  std::vector<Input> inputs;
  Value dy;
  std::vector<Doubles> gradients;
};

std::vector<ValueCase> ReadCases() {
  std::ifstream file(KE_TEST_FOLDER "/fixtures/gradients/values.txt");
  std::vector<ValueCase> cases;
  for (std::string text; std::getline(file, text);) {
    Line line(text);
    const std::string kind = line.Word();
    if (kind == "op") cases.push_back({line.Word(), {}, {}, {}, {}});
    if (kind == "attr") cases.back().attrs.push_back(text.substr(5));
    if (kind == "fed" || kind == "const")
      cases.back().inputs.push_back({kind == "fed", ReadValue(std::move(line))});
    if (kind == "dy") cases.back().dy = ReadValue(std::move(line));
    if (kind == "gradient") cases.back().gradients.push_back(line.Numbers());
  }
  return cases;
}

void SetAttr(graph::OpBuilder& op, const std::string& text) {
  Line line(text);
  const std::string name = line.Word();
  const std::string kind = line.Word();
  if (kind == "string") op.AttrString(name, line.Word());
  if (kind == "bool") op.AttrBool(name, line.Int() != 0);
  if (kind == "int") op.AttrInt(name, line.Int());
  if (kind == "type") op.AttrType(name, TF_DOUBLE);
  const Doubles numbers = kind == "float" || kind == "ints" ? line.Numbers() : Doubles();
  if (kind == "float") op.AttrFloat(name, static_cast<float>(numbers[0]));
  if (kind == "ints") op.AttrInts(name, std::vector<int64_t>(numbers.begin(), numbers.end()));
}

// The function of a case, its gradients and the values of its placeholders.
class Built {
 public:
  explicit Built(const ValueCase& test) {
    graph::OpBuilder op = scope_.Op(test.op);
    for (const Input& input : test.inputs) op.In(Add(input));
    for (const std::string& attr : test.attrs) SetAttr(op, attr);
    const TF_Output y = op.Out();
    const TF_Output dy =
        scope_.Op("Identity").In(Placeholder(test.dy.Type(), test.dy.shape, test.dy.numbers)).Out();
    gradients_ = gradient::Gradient(&scope_, &scope_, {y}, xs_, {dy}, {});
  }

  std::vector<Doubles> Run() {
    std::vector<Feed> feeds;
    for (size_t i = 0; i < placeholders_.size(); ++i) feeds.emplace_back(placeholders_[i], values_[i].get());
    std::vector<Doubles> results;
    for (const tf::TensorPtr& result : GraphRunner(scope_).Run(feeds, gradients_)) {
      results.push_back(ToDoubles(result.get()));
    }
    return results;
  }

 private:
  TF_Output Placeholder(TF_DataType dtype, const std::vector<int64_t>& shape, const Doubles& numbers) {
    placeholders_.push_back(scope_.Placeholder(dtype, Shape::Of(shape)));
    values_.push_back(MakeTensor(dtype, shape, numbers));
    return placeholders_.back();
  }

  // Adds an input. A complex input consists of two fed parts.
  TF_Output Add(const Input& input) {
    const Value& value = input.value;
    if (!input.fed) return scope_.Const(MakeTensor(value.Type(), value.shape, value.numbers).get());
    if (!value.is_complex()) {
      xs_.push_back(Placeholder(value.Type(), value.shape, value.numbers));
      return xs_.back();
    }
    graph::OpBuilder complex = scope_.Op("Complex");
    for (size_t part = 0; part < 2; ++part) {
      Doubles numbers;
      for (size_t i = part; i < value.numbers.size(); i += 2) numbers.push_back(value.numbers[i]);
      xs_.push_back(Placeholder(TF_DOUBLE, value.shape, numbers));
      complex.In(xs_.back());
    }
    return complex.AttrType("Tout", TF_COMPLEX128).Out();
  }

  Scope scope_;
  Tensors placeholders_;
  std::vector<tf::TensorPtr> values_;
  Tensors xs_;
  Tensors gradients_;
};

// The ops whose rules are finite at points where the formulas of TensorFlow give 0 * inf: x^0 is constant,
// and the norm of zeros has the subgradient 0.
const std::set<std::string> kFiniteForNan = {"Pow", "EuclideanNorm"};

bool Equal(double actual, double expected, double tolerance) {
  if (std::isnan(expected)) return std::isnan(actual);
  if (std::isinf(expected)) return actual == expected;
  return std::abs(actual - expected) <= tolerance * std::max(1.0, std::abs(expected));
}

void Check(const ValueCase& test) {
  std::string attrs;
  for (const std::string& attr : test.attrs) attrs += " " + attr;
  SCOPED_TRACE(test.op + attrs);
  std::vector<Doubles> results = Built(test).Run();
  size_t next = 0;
  size_t which = 0;
  for (const Input& input : test.inputs) {
    if (!input.fed) continue;
    Doubles actual = results[next++];
    if (input.value.is_complex()) {
      const Doubles imaginary = results[next++];
      const Doubles real = actual;
      actual.clear();
      for (size_t i = 0; i < real.size(); ++i) actual.insert(actual.end(), {real[i], imaginary[i]});
    }
    const Doubles& expected = test.gradients[which++];
    ASSERT_EQ(actual.size(), expected.size());
    for (size_t i = 0; i < actual.size(); ++i) {
      if (std::isnan(expected[i]) && kFiniteForNan.count(test.op) > 0 && std::isfinite(actual[i])) continue;
      EXPECT_TRUE(Equal(actual[i], expected[i], input.value.is_single() ? 1e-5 : 1e-9))
          << "input " << which - 1 << ", element " << i << ": TensorFlow " << expected[i] << ", tape "
          << actual[i];
    }
  }
}

TEST(GradientValues, EqualThoseOfTensorflowsTape) {
  const std::vector<ValueCase> cases = ReadCases();
  EXPECT_GT(cases.size(), 100U);
  for (const ValueCase& test : cases) Check(test);
}

TEST(GradientValues, IncludeEveryGradientThatTensorflowDefines) {
  std::set<std::string> compared;
  for (const ValueCase& test : ReadCases()) compared.insert(test.op);
  for (const std::string& type : GradientsDefinedByTensorflow()) EXPECT_EQ(compared.count(type), 1U) << type;
}

// docs/models.md names every op that TensorFlow differentiates and this tape does not, with the reason.
TEST(GradientValues, DocumentEveryOpThatOnlyTensorflowDifferentiates) {
  std::ifstream page(KE_TEST_FOLDER "/../docs/models.md");
  std::set<std::string> documented;  // the words in `code`
  bool here = false;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("#")) here = line == "## Ops without a gradient";
    for (size_t begin = line.find('`'); here && begin != std::string::npos; begin = line.find('`', begin)) {
      const size_t end = line.find('`', begin + 1);
      if (end == std::string::npos) break;
      documented.insert(line.substr(begin + 1, end - begin - 1));
      begin = end + 1;
    }
  }
  std::ifstream file(KE_TEST_FOLDER "/fixtures/gradients/differentiable.txt");
  std::string version;
  std::getline(file, version);
  std::string missing;
  int count = 0;
  for (std::string type; std::getline(file, type);) {
    ++count;
    if (gradient::Registry::Get().Find(type) != nullptr) continue;
    missing += " " + type;
    EXPECT_EQ(documented.count(type), 1U) << type << " has neither a rule nor a reason in docs/models.md";
  }
  EXPECT_GT(count, 300);
  std::printf("Differentiated by TensorFlow %s, but not by this tape:%s\n", version.c_str(), missing.c_str());
}

}  // namespace
}  // namespace ke::test
