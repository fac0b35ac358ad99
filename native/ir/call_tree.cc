#include "ir/call_tree.h"

#include <algorithm>
#include <charconv>

#include "ir/op_traits.h"
#include "wire/find_last.h"
#include "wire/text.h"

namespace ke::graph {
namespace {

[[noreturn]] void Contradiction(const std::string& message, std::string_view node = {}) {
  throw tf::Error(TF_DATA_LOSS, "the model's graph contradicts itself: " + message, std::string(node));
}

int ParseIndex(std::string_view text, std::string_view tensor) {
  int index = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
  if (error != std::errc() || end != text.data() + text.size() || index < 0) {
    Contradiction(Quote(tensor) + " is no tensor's name");
  }
  return index;
}

}  // namespace

Control ControlOf(std::string_view op) {
  if (op == "While" || op == "StatelessWhile") return Control::kWhile;
  if (op == "If" || op == "StatelessIf") return Control::kIf;
  if (op == "Case" || op == "StatelessCase") return Control::kCase;
  return Control::kNone;
}

CallTree::CallTree(const proto::GraphDef& graph, OpRegistry* ops) : graph_(graph), ops_(ops) {
  for (size_t i = 0; i < graph.nodes.size(); ++i)
    top_nodes_.emplace(graph.nodes[i].name, static_cast<int>(i));
  calls_.push_back(std::make_unique<Call>());
}

const std::vector<proto::NodeDef>& CallTree::Nodes(int call) const {
  const proto::FunctionDef* function = calls_[call]->function;
  return function == nullptr ? graph_.nodes : function->nodes;
}

std::string CallTree::FlatName(int call, int node) const {
  const std::string& scope = calls_[call]->scope;
  const std::string_view name =
      node < 0 ? calls_[call]->function->signature.inputs[-1 - node].name : Nodes(call)[node].name;
  if (name.starts_with(scope)) return std::string(name);
  return scope + std::string(name);
}

proto::Bytes CallTree::Attr(int call, int node, std::string_view name) const {
  const proto::Bytes value = Nodes(call)[node].Attr(name);
  const auto placeholder = proto::AttrPlaceholder(value);
  if (!placeholder) return value;
  if (const auto given = FindLast(calls_[call]->attrs, *placeholder)) return *given;
  Contradiction("no value was given for attribute " + Quote(*placeholder), Nodes(call)[node].name);
}

std::string_view CallTree::CalledFunction(int call, int node, proto::Attrs* attrs) const {
  const proto::NodeDef& def = Nodes(call)[node];
  const auto chosen = calls_[call]->chosen.find(node);
  if (chosen != calls_[call]->chosen.end()) {
    proto::FunctionReference reference = std::move(Functions(call, node).at(chosen->second));
    if (attrs != nullptr) *attrs = std::move(reference.attrs);
    return reference.name;
  }
  if (HasTrait(def.op, trait::kPlainCall)) {
    auto reference = proto::AttrFunction(Attr(call, node, "f"));
    if (!reference || reference->name.empty()) Contradiction("a call names no function", def.name);
    if (attrs != nullptr) *attrs = std::move(reference->attrs);
    return reference->name;
  }
  if (graph_.functions.find(def.op) == graph_.functions.end()) return {};
  if (attrs != nullptr) *attrs = def.attrs;
  return def.op;
}

std::vector<proto::FunctionReference> CallTree::Functions(int call, int node) const {
  const proto::NodeDef& def = Nodes(call)[node];
  std::vector<proto::FunctionReference> functions;
  const auto add = [&](std::string_view attr) {
    for (proto::FunctionReference& each : proto::AttrFunctions(Attr(call, node, attr)))
      functions.push_back(std::move(each));
  };
  const Control control = ControlOf(def.op);
  if (control == Control::kWhile) {
    add("cond");
    add("body");
  } else if (control == Control::kIf) {
    add("else_branch");
    add("then_branch");
  } else {
    add("branches");
  }
  const bool complete = control == Control::kCase ? !functions.empty() : functions.size() == 2;
  const bool named =
      std::none_of(functions.begin(), functions.end(), [](const auto& each) { return each.name.empty(); });
  if (!complete || !named) Contradiction(Quote(def.op) + " does not name its functions", def.name);
  return functions;
}

bool CallTree::IsCall(int call, int node) const {
  // The attributes of a call are read once: they may be large, and many tensors pass through a call.
  return calls_[call]->children.count(node) > 0 || !CalledFunction(call, node, nullptr).empty();
}

const CallTree::Body& CallTree::FindBody(std::string_view name, std::string_view caller) {
  const auto known = bodies_.find(name);
  if (known != bodies_.end()) return *known->second;
  const auto bytes = graph_.functions.find(name);
  if (bytes == graph_.functions.end()) {
    Contradiction("function " + Quote(name) + " is called but not defined", caller);
  }
  auto body = std::make_unique<Body>();
  body->function = proto::ReadFunction(bytes->second, "function " + Quote(name));
  const proto::FunctionDef& function = body->function;
  for (size_t i = 0; i < function.nodes.size(); ++i) {
    body->nodes.emplace(function.nodes[i].name, static_cast<int>(i));
  }
  for (size_t i = 0; i < function.signature.inputs.size(); ++i) {
    body->arguments.emplace(function.signature.inputs[i].name, static_cast<int>(i));
  }
  return *bodies_.emplace(bytes->first, std::move(body)).first->second;
}

int CallTree::Expand(int call, int node) {
  const auto known = calls_[call]->children.find(node);
  if (known != calls_[call]->children.end()) return known->second;
  proto::Attrs attrs;
  const std::string_view name = CalledFunction(call, node, &attrs);
  const int made = Make(call, node, name, std::move(attrs));
  calls_[made]->bodies = calls_[call]->bodies;
  calls_[made]->body = calls_[call]->body;
  if (calls_[call]->chosen.count(node) > 0) {
    calls_[made]->first_input = FirstArgument(ControlOf(Nodes(call)[node].op));
  }
  calls_[call]->children.emplace(node, made);
  return made;
}

int CallTree::ExpandBody(int call, int node, size_t index) {
  std::vector<proto::FunctionReference> functions = Functions(call, node);
  calls_[call]->bodies_of[node].resize(functions.size(), -1);
  const int known = calls_[call]->bodies_of[node].at(index);
  if (known >= 0) return known;
  const int bodies = calls_[call]->bodies + 1;
  if (bodies > bounds::kBodyDepth) {
    TooMuch("the depth of loops and branches within each other", bounds::kBodyDepth, "of them",
            FlatName(call, node));
  }
  const int made = Make(call, node, functions[index].name, std::move(functions[index].attrs));
  calls_[made]->is_body = true;
  calls_[made]->bodies = bodies;
  calls_[made]->body = made;
  calls_[made]->first_input = FirstArgument(ControlOf(Nodes(call)[node].op));
  calls_[call]->bodies_of[node][index] = made;
  return made;
}

int CallTree::Make(int call, int node, std::string_view name, proto::Attrs attrs) {
  auto made = std::make_unique<Call>();
  made->attrs = std::move(attrs);
  const std::string caller = FlatName(call, node);
  const Body& body = FindBody(name, caller);
  made->parent = call;
  made->parent_node = node;
  made->depth = calls_[call]->depth + 1;
  made->function = &body.function;
  for (int at = call; at > 0; at = calls_[at]->parent) {
    if (calls_[at]->function != made->function) continue;
    throw tf::Error(TF_UNIMPLEMENTED, "function " + Quote(name) + " calls itself", caller);
  }
  if (made->depth > bounds::kDepth) {
    TooMuch("the depth in which the model's functions call each other", bounds::kDepth, "calls", caller);
  }
  calls_left_.Take(1, "what the model's functions call", caller);
  if (static_cast<int64_t>(made->attrs.size()) > bounds::kAttrs) {
    TooMuch("the call '" + caller + "'", bounds::kAttrs, "attributes", caller);
  }
  // An attribute of the call may be a placeholder of the enclosing body. The placeholder is replaced here.
  for (auto& [attr, value] : made->attrs) {
    const auto placeholder = proto::AttrPlaceholder(value);
    if (!placeholder) continue;
    if (const auto given = FindLast(calls_[call]->attrs, *placeholder)) value = *given;
  }
  const size_t slash = caller.rfind('/');
  if (slash != std::string::npos) made->scope = caller.substr(0, slash + 1);
  // Names in the body have the scopes of Keras and stay as they are. Only a second instance of the body gets
  // the name of its call as a prefix.
  if (scopes_in_use_[std::string(name) + "\n" + made->scope]++ > 0) made->scope = caller + "/";
  nodes_left_.Take(static_cast<int64_t>(made->function->nodes.size()), "what the model's functions call",
                   caller);
  int64_t names = 0;
  for (const proto::NodeDef& inner : made->function->nodes) names += inner.name.size() + made->scope.size();
  names_left_.Take(names, "what the model's functions call", caller);
  calls_.push_back(std::move(made));
  return size() - 1;
}

std::optional<Source> CallTree::FindNode(int call, std::string_view name) {
  const proto::FunctionDef* function = calls_[call]->function;
  const auto& nodes = function == nullptr ? top_nodes_ : FindBody(function->signature.name, {}).nodes;
  const auto found = nodes.find(name);
  if (found == nodes.end()) return std::nullopt;
  return Source{call, found->second, 0};
}

Source CallTree::Result(int call, size_t result) {
  const proto::FunctionDef& function = *calls_[call]->function;
  const auto found = function.results.find(function.signature.outputs[result].name);
  if (found == function.results.end()) {
    Contradiction("function " + Quote(function.signature.name) + " leaves a result open");
  }
  return Resolve(call, found->second);
}

Source CallTree::Argument(int call, size_t argument) {
  const Call& at = *calls_[call];
  if (at.function->signature.inputs[argument].type != TF_RESOURCE) {
    return Source::OfArgument(call, static_cast<int>(argument));
  }
  const proto::NodeDef& caller = Nodes(at.parent)[at.parent_node];
  if (at.first_input + argument >= caller.inputs.size()) {
    Contradiction("a call has too few inputs", caller.name);
  }
  return Resolve(at.parent, caller.inputs[at.first_input + argument]);
}

const proto::OpDef& CallTree::Signature(int call, int node) {
  const proto::NodeDef& def = Nodes(call)[node];
  const bool is_function = graph_.functions.find(def.op) != graph_.functions.end();
  return is_function ? FindBody(def.op, def.name).function.signature
                     : ops_->Get(def.op, FlatName(call, node));
}

int64_t CallTree::OutputCount(int call, int node, const proto::ArgDef& argument) {
  int64_t count = 1;
  if (!argument.number_attr.empty()) {
    count = proto::AttrInt(Attr(call, node, argument.number_attr)).value_or(-1);
  } else if (!argument.type_list_attr.empty()) {
    const auto size = proto::AttrTypeListSize(Attr(call, node, argument.type_list_attr));
    count = size ? static_cast<int64_t>(*size) : -1;
  }
  if (count < 0 || count > INT32_MAX) {
    Contradiction("the number of outputs is not given", Nodes(call)[node].name);
  }
  return count;
}

int CallTree::OutputIndex(int call, int node, std::string_view argument, int offset) {
  const proto::NodeDef& def = Nodes(call)[node];
  int64_t first = 0;
  for (const proto::ArgDef& output : Signature(call, node).outputs) {
    const int64_t count = OutputCount(call, node, output);
    if (output.name == argument) {
      if (offset >= count) break;
      return static_cast<int>(first + offset);
    }
    first += count;
  }
  Contradiction(Quote(def.op) + " has no output " + Quote(argument) + ":" + std::to_string(offset), def.name);
}

Source CallTree::ResolveGraphName(int call, std::string_view tensor) {
  if (calls_[call]->function == nullptr) return Resolve(call, tensor);
  const Body& body = FindBody(calls_[call]->function->signature.name, {});
  const size_t colon = tensor.rfind(':');
  const std::string_view name = tensor.substr(0, colon);
  if (body.arguments.find(name) != body.arguments.end()) return Resolve(call, name);
  const auto found = body.nodes.find(name);
  if (found == body.nodes.end()) Contradiction("there is no node " + Quote(name));
  int64_t left = colon == std::string_view::npos ? 0 : ParseIndex(tensor.substr(colon + 1), tensor);
  for (const proto::ArgDef& output : Signature(call, found->second).outputs) {
    const int64_t count = OutputCount(call, found->second, output);
    if (left < count) {
      return Resolve(call, std::string(name) + ":" + std::string(output.name) + ":" + std::to_string(left));
    }
    left -= count;
  }
  Contradiction(Quote(name) + " has no tensor " + Quote(tensor), name);
}

Source CallTree::Resolve(int call, std::string_view tensor, std::vector<Passage>* through) {
  int node = -1;
  int output = 0;
  // The next place depends only on the current place, so a repeated place means an endless cycle. Brent's
  // algorithm compares each place with an earlier place, which moves up at every power of two.
  int before = -1;
  std::string_view tensor_before;
  int64_t steps = 0;
  int64_t next_move = 1;
  while (true) {
    steps_left_.Take(1, "the way of tensors through calls");
    if (call == before && tensor == tensor_before)
      Contradiction("following " + Quote(tensor) + " does not end");
    if (++steps == next_move) {
      next_move *= 2;
      before = call;
      tensor_before = tensor;
    }
    const Call& at = *calls_[call];
    const size_t colon = tensor.find(':');
    const std::string_view name = tensor.substr(0, colon);
    if (at.function == nullptr) {
      const auto found = top_nodes_.find(name);
      if (found == top_nodes_.end()) Contradiction("there is no node " + Quote(name));
      node = found->second;
      output = colon == std::string_view::npos ? 0 : ParseIndex(tensor.substr(colon + 1), tensor);
    } else {
      const Body& body = FindBody(at.function->signature.name, {});
      const auto argument =
          colon == std::string_view::npos ? body.arguments.find(name) : body.arguments.end();
      if (argument != body.arguments.end()) {
        if (at.is_body && at.function->signature.inputs[argument->second].type != TF_RESOURCE) {
          return Source::OfArgument(call, argument->second);
        }
        const proto::NodeDef& caller = Nodes(at.parent)[at.parent_node];
        const size_t input = at.first_input + static_cast<size_t>(argument->second);
        if (input >= caller.inputs.size()) Contradiction("a call has too few inputs", caller.name);
        tensor = caller.inputs[input];
        call = at.parent;
        continue;
      }
      const auto found = body.nodes.find(name);
      if (found == body.nodes.end()) Contradiction("there is no node " + Quote(name));
      node = found->second;
      output = 0;
      if (colon != std::string_view::npos) {
        const std::string_view rest = tensor.substr(colon + 1);
        const size_t second = rest.find(':');
        const int offset = second == std::string_view::npos ? 0 : ParseIndex(rest.substr(second + 1), tensor);
        output = OutputIndex(call, node, rest.substr(0, second), offset);
      }
    }
    if (!IsCall(call, node)) return {call, node, output};

    const int inner = Expand(call, node);
    const proto::FunctionDef& function = *calls_[inner]->function;
    if (static_cast<size_t>(output) >= function.signature.outputs.size()) {
      Contradiction("function " + Quote(function.signature.name) + " has too few results",
                    Nodes(call)[node].name);
    }
    const auto result = function.results.find(function.signature.outputs[output].name);
    if (result == function.results.end()) {
      Contradiction("function " + Quote(function.signature.name) + " leaves a result open");
    }
    if (through != nullptr) through->push_back({inner, output});
    call = inner;
    tensor = result->second;
    // tf.function returns its results through Identities without a scope. These Identities belong to no
    // layer.
    if (calls_[inner]->scope.empty()) {
      const Body& body = FindBody(function.signature.name, {});
      const std::string_view returned = tensor.substr(0, tensor.find(':'));
      const auto found = body.nodes.find(returned);
      if (found != body.nodes.end() && returned.find('/') == std::string_view::npos &&
          function.nodes[found->second].op == "Identity" &&
          function.nodes[found->second].inputs.size() == 1) {
        tensor = function.nodes[found->second].inputs[0];
      }
    }
  }
}

}  // namespace ke::graph
