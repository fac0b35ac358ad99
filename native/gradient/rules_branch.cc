// If and Case: the same predicate selects among functions that compute the gradients of the branches. Such a
// function computes the branch's ops again, so the forward op need not return the values between its ops.
#include <map>

#include "gradient/library_function.h"
#include "gradient/registry.h"
#include "gradient/tape.h"
#include "tensorflow/read_graph.h"
#include "wire/write_proto.h"

namespace ke::gradient {

using graph::Scope;

namespace {

using Tensors = std::vector<TF_Output>;
using Key = std::pair<TF_Operation*, int>;

// The gradient of one branch.
struct Branch {
  explicit Branch(Scope* outer) : body(outer) {}

  Scope body;
  Tensors arguments;  // of the branch's function, in `body`
  Tensors gradients;  // per argument; null if the branch's results do not depend on the argument
};

// Adds the gradient of function `name` to `branch`.
void Differentiate(RuleContext& c, const std::string& name, Branch* branch) {
  Scope* const body = &branch->body;
  for (int i = 1; i < c.num_inputs(); ++i) branch->arguments.push_back(body->Import(c.X(i)));
  const LibraryFunction function(*c.forward(), name);
  std::vector<bool> wanted;
  for (int i = 0; i < c.num_outputs(); ++i) wanted.push_back(c.HasDy(i));
  const Tensors results =
      function.AddTo(body, c.name(), branch->arguments, LibraryFunction::OwnOps::kLeftOut, wanted);
  Tensors ys;
  Tensors seeds;
  for (int i = 0; i < c.num_outputs(); ++i) {
    if (!c.HasDy(i)) continue;
    ys.push_back(results.at(i));
    seeds.push_back(body->Import(c.Dy(i)));
  }
  // A tensor that is several arguments gets its gradient once.
  Tensors xs;
  std::vector<size_t> owners;
  std::map<Key, size_t> seen;
  for (size_t i = 0; i < branch->arguments.size(); ++i) {
    const TF_Output argument = branch->arguments[i];
    if (!c.Needs(static_cast<int>(i) + 1) || !seen.emplace(Key{argument.oper, argument.index}, i).second) {
      continue;
    }
    xs.push_back(argument);
    owners.push_back(i);
  }
  branch->gradients.assign(branch->arguments.size(), {nullptr, 0});
  const Tensors found = Backpropagate(body, ys, seeds, xs, {}, c.options());
  for (size_t i = 0; i < found.size(); ++i) branch->gradients[owners[i]] = found[i];
}

// Adds the op that selects a branch. Returns the gradients of the arguments `wanted`.
Tensors Select(RuleContext& c, std::vector<std::unique_ptr<Branch>>* branches,
               const std::vector<size_t>& wanted) {
  Scope* const target = c.target();
  std::vector<Tensors> results;
  std::map<Key, size_t> seen;
  Tensors captured;
  for (const auto& branch : *branches) {
    Tensors& own = results.emplace_back();
    for (const size_t i : wanted) {
      const TF_Output gradient = branch->gradients[i];
      own.push_back(gradient.oper != nullptr ? gradient
                                             : branch->body.Op("ZerosLike").In(branch->arguments[i]).Out());
    }
    c.RefuseRandomNumbers(own);
    const auto needed = tf::OpsBehind(own);
    for (const TF_Output& tensor : branch->body.captured()) {
      if (needed.count(branch->body.Import(tensor).oper) == 0) continue;
      if (seen.emplace(Key{tensor.oper, tensor.index}, captured.size()).second) captured.push_back(tensor);
    }
  }
  const std::string name = target->root().UniqueName("branch");
  std::vector<std::string> functions;
  for (size_t k = 0; k < branches->size(); ++k) {
    Scope& body = (*branches)[k]->body;
    Tensors arguments;
    for (const TF_Output& tensor : captured) arguments.push_back(body.Import(tensor));
    functions.push_back(name + "_" + std::to_string(k));
    body.CloseInto(functions.back(), arguments, results[k]);
  }
  std::vector<TF_DataType> dtypes;
  std::vector<graph::Shape> shapes;
  for (const size_t i : wanted) {
    dtypes.push_back(c.InputType(static_cast<int>(i) + 1));
    shapes.push_back(c.InputShape(static_cast<int>(i) + 1));
  }
  graph::OpBuilder op = c.ops().Op(c.type());
  op.In(c.X(0)).InList(captured).AttrTypes("Tout", dtypes).AttrShapes("output_shapes", shapes);
  op.AttrBool("_lower_using_switch_merge", true);
  if (c.type().ends_with("Case")) {
    op.AttrProto("branches", graph::FunctionsAttr(functions));
  } else {
    op.AttrFunction("then_branch", functions[0]).AttrFunction("else_branch", functions[1]);
  }
  return op.Outs();
}

void DifferentiateBranches(RuleContext& c, const std::vector<std::string>& functions) {
  std::vector<std::unique_ptr<Branch>> branches;
  for (const std::string& function : functions) {
    branches.push_back(std::make_unique<Branch>(c.target()));
    Differentiate(c, function, branches.back().get());
  }
  std::vector<size_t> wanted;
  for (int i = 1; i < c.num_inputs(); ++i) {
    const size_t argument = static_cast<size_t>(i) - 1;
    for (const auto& branch : branches) {
      if (branch->gradients[argument].oper == nullptr) continue;
      wanted.push_back(argument);
      break;
    }
  }
  if (wanted.empty()) return;
  const Tensors gradients = Select(c, &branches, wanted);
  for (size_t i = 0; i < wanted.size(); ++i) c.Set(static_cast<int>(wanted[i]) + 1, gradients[i]);
}

void If(RuleContext& c) {
  DifferentiateBranches(c, {c.AttrFunction("then_branch"), c.AttrFunction("else_branch")});
}

void Case(RuleContext& c) { DifferentiateBranches(c, c.AttrFunctions("branches")); }

}  // namespace

void AddBranchRules(Registry* registry) {
  registry->AddAll({"If", "StatelessIf"}, If);
  registry->AddAll({"Case", "StatelessCase"}, Case);
}

}  // namespace ke::gradient
