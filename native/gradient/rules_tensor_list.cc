// TensorLists: the lists of tensors by which loops read and write TensorArrays. The gradient of a list is a
// list of the gradients of its elements. An element that nothing has written counts as zeros.
#include "gradient/registry.h"

namespace ke::gradient {

using graph::Shape;

namespace {

// Returns the shape without its first axis: of a list's elements, given the shape of the stacked list.
Shape ElementOf(const Shape& stacked) {
  if (!stacked.known_rank || stacked.rank() == 0) return Shape::Unknown();
  return Shape::Of({stacked.dims.begin() + 1, stacked.dims.end()});
}

// Returns the shape as TensorList ops take it: a scalar -1 for an unknown rank, and -1 for an unknown size.
TF_Output ShapeInput(const Ops& ops, const Shape& shape) {
  if (!shape.known_rank) return ops.Int(-1);
  return ops.ConstShape(shape.dims);
}

// Returns the shape of the elements of a list whose stacked form is input i. The shape is fully known in the
// run, so that elements that nothing has written can be read.
TF_Output ElementShapeOfX(RuleContext& c, int i) {
  const Shape element = ElementOf(c.InputShape(i));
  if (element.IsFullyKnown()) return ShapeInput(c.ops(), element);
  return c.ops().SliceVector(c.ShapeOfX(i), 1, 0);
}

TF_Output ElementShape(RuleContext& c, TF_Output list) {
  return c.ops().Op("TensorListElementShape").In(list).AttrType("shape_type", TF_INT32).Out();
}

// Returns a list of the length of `like`, without elements.
TF_Output Reserve(RuleContext& c, TF_Output like, TF_DataType dtype) {
  return c.ops()
      .Op("TensorListReserve")
      .In(ElementShape(c, like))
      .In(c.ops().Unary("TensorListLength", like))
      .AttrType("element_dtype", dtype)
      .Out();
}

TF_Output GetItem(RuleContext& c, TF_Output list, TF_Output index, TF_Output shape, TF_DataType dtype) {
  return c.ops().Op("TensorListGetItem").In(list).In(index).In(shape).AttrType("element_dtype", dtype).Out();
}

TF_Output SetItem(RuleContext& c, TF_Output list, TF_Output index, TF_Output item) {
  return c.ops().Op("TensorListSetItem").In(list).In(index).In(item).Out();
}

TF_Output FromTensor(RuleContext& c, TF_Output stacked) {
  const Shape element = ElementOf(c.target()->GetShape(stacked));
  return c.ops().Op("TensorListFromTensor").In(stacked).In(ShapeInput(c.ops(), element)).Out();
}

TF_Output Gather(RuleContext& c, TF_Output list, TF_Output indices, TF_Output shape, TF_DataType dtype) {
  return c.ops().Op("TensorListGather").In(list).In(indices).In(shape).AttrType("element_dtype", dtype).Out();
}

void FromTensorRule(RuleContext& c) {
  c.Set(0, c.ops()
               .Op("TensorListStack")
               .In(c.Dy())
               .In(ElementShapeOfX(c, 0))
               .AttrType("element_dtype", c.InputType(0))
               .Out());
}

void Stack(RuleContext& c) { c.Set(0, FromTensor(c, c.Dy())); }

// Adds to the gradients that have arrived at the list so far, in place. A new list in every turn of a loop
// would make the time of the loop quadratic in the number of turns.
void GetItemRule(RuleContext& c) {
  const TF_DataType dtype = c.OutputType(0);
  const TF_Output index = c.X(1);
  const TF_Output so_far = c.SoFar(0);
  if (so_far.oper == nullptr) {
    c.Set(0, SetItem(c, Reserve(c, c.X(0), dtype), index, c.Dy()));
    return;
  }
  const TF_Output element = GetItem(c, so_far, index, c.ops().ShapeOf(c.Dy()), dtype);
  c.SetTotal(0, SetItem(c, so_far, index, c.ops().Add(element, c.Dy())));
}

void SetItemRule(RuleContext& c) {
  const TF_Output index = c.X(1);
  const TF_Output item = GetItem(c, c.Dy(), index, c.ShapeOfX(2), c.InputType(2));
  if (c.Needs(2)) c.Set(2, item);
  if (!c.Needs(0)) return;
  // The list is changed in place if the element has been read before.
  c.Set(0, c.ops()
               .Op("TensorListSetItem")
               .In(c.Dy())
               .In(index)
               .In(c.ops().ZerosLike(item))
               .After(item.oper)
               .Out());
}

void PushBack(RuleContext& c) {
  const std::vector<TF_Output> popped = c.ops()
                                            .Op("TensorListPopBack")
                                            .In(c.Dy())
                                            .In(c.ShapeOfX(1))
                                            .AttrType("element_dtype", c.InputType(1))
                                            .Outs();
  c.Set(0, popped[0]);
  c.Set(1, popped[1]);
}

void PopBack(RuleContext& c) { c.Set(0, c.ops().Binary("TensorListPushBack", c.Dy(0), c.Dy(1))); }

void Resize(RuleContext& c) {
  c.Set(0, c.ops().Binary("TensorListResize", c.Dy(), c.ops().Unary("TensorListLength", c.X(0))));
}

// An index may occur several times: the gradients of an element are then summed. TensorFlow's own gradient
// keeps the last one.
void GatherRule(RuleContext& c) {
  const TF_Output length = c.ops().Unary("TensorListLength", c.X(0));
  c.Set(0, FromTensor(c, c.ops().Op("UnsortedSegmentSum").In(c.Dy()).In(c.X(1)).In(length).Out()));
}

void Scatter(RuleContext& c) { c.Set(0, Gather(c, c.Dy(), c.X(1), ElementShapeOfX(c, 0), c.InputType(0))); }

void ScatterIntoExisting(RuleContext& c) {
  const TF_Output indices = c.X(2);
  const TF_Output elements = Gather(c, c.Dy(), indices, ElementShapeOfX(c, 1), c.InputType(1));
  if (c.Needs(1)) c.Set(1, elements);
  if (!c.Needs(0)) return;
  c.Set(0, c.ops()
               .Op("TensorListScatterIntoExistingList")
               .In(c.Dy())
               .In(c.ops().ZerosLike(elements))
               .In(indices)
               .Out());
}

void Concat(RuleContext& c) {
  c.Set(0, c.ops().Op("TensorListSplit").In(c.Dy(0)).In(ElementShape(c, c.X(0))).In(c.Y(1)).Out());
}

void Split(RuleContext& c) {
  c.Set(0, c.ops()
               .Op("TensorListConcatV2")
               .In(c.Dy())
               .In(c.ops().Concat({c.ops().Ints({-1}), ElementShapeOfX(c, 0)}, 0))
               .In(c.X(2))
               .AttrType("element_dtype", c.InputType(0))
               .Out(0));
}

}  // namespace

void AddTensorListRules(Registry* registry) {
  registry->Add("TensorListFromTensor", FromTensorRule);
  registry->Add("TensorListStack", Stack);
  registry->Add("TensorListGetItem", GetItemRule);
  registry->Add("TensorListSetItem", SetItemRule);
  registry->Add("TensorListPushBack", PushBack);
  registry->Add("TensorListPopBack", PopBack);
  registry->Add("TensorListResize", Resize);
  registry->Add("TensorListGather", GatherRule);
  registry->AddAll({"TensorListScatter", "TensorListScatterV2"}, Scatter);
  registry->Add("TensorListScatterIntoExistingList", ScatterIntoExisting);
  registry->AddAll({"TensorListConcat", "TensorListConcatV2"}, Concat);
  registry->Add("TensorListSplit", Split);
}

}  // namespace ke::gradient
