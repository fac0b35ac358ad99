/** The messages of TensorFlow's GraphDef, as far as a graph in JSON has them: graph.proto and the files it imports. */
import { create, createFileRegistry, type DescMessage } from '@bufbuild/protobuf';
import {
  type DescriptorProto,
  DescriptorProtoSchema,
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FileDescriptorProtoSchema,
} from '@bufbuild/protobuf/wkt';

/** The numbers of types.proto. A reference type has 100 more. */
export const DATA_TYPES = {
  DT_INVALID: 0,
  DT_FLOAT: 1,
  DT_DOUBLE: 2,
  DT_INT32: 3,
  DT_UINT8: 4,
  DT_INT16: 5,
  DT_INT8: 6,
  DT_STRING: 7,
  DT_COMPLEX64: 8,
  DT_INT64: 9,
  DT_BOOL: 10,
  DT_QINT8: 11,
  DT_QUINT8: 12,
  DT_QINT32: 13,
  DT_BFLOAT16: 14,
  DT_QINT16: 15,
  DT_QUINT16: 16,
  DT_UINT16: 17,
  DT_COMPLEX128: 18,
  DT_HALF: 19,
  DT_RESOURCE: 20,
  DT_VARIANT: 21,
  DT_UINT32: 22,
  DT_UINT64: 23,
} as const;
export type DataType = keyof typeof DATA_TYPES;

/**
 * By message: its fields as `number name type`. `[]` marks a repeated field, `{key}` a map, `?` a member of the
 * message's oneof. A type that is no scalar is a message, or the enum DataType.
 */
const MESSAGES: Readonly<Record<string, readonly string[]>> = {
  GraphDef: ['1 node NodeDef[]', '2 library FunctionDefLibrary', '3 version int32', '4 versions VersionDef'],
  VersionDef: ['1 producer int32', '2 min_consumer int32', '3 bad_consumers int32[]'],
  NodeDef: [
    '1 name string',
    '2 op string',
    '3 input string[]',
    '4 device string',
    '5 attr AttrValue{string}',
  ],
  AttrValue: [
    '1 list ListValue?',
    '2 s bytes?',
    '3 i int64?',
    '4 f float?',
    '5 b bool?',
    '6 type DataType?',
    '7 shape TensorShapeProto?',
    '8 tensor TensorProto?',
    '9 placeholder string?',
    '10 func NameAttrList?',
  ],
  ListValue: [
    '2 s bytes[]',
    '3 i int64[]',
    '4 f float[]',
    '5 b bool[]',
    '6 type DataType[]',
    '7 shape TensorShapeProto[]',
    '8 tensor TensorProto[]',
    '9 func NameAttrList[]',
  ],
  NameAttrList: ['1 name string', '2 attr AttrValue{string}'],
  TensorShapeProto: ['2 dim Dim[]', '3 unknown_rank bool'],
  Dim: ['1 size int64', '2 name string'],
  TensorProto: [
    '1 dtype DataType',
    '2 tensor_shape TensorShapeProto',
    '3 version_number int32',
    '4 tensor_content bytes',
    '5 float_val float[]',
    '6 double_val double[]',
    '7 int_val int32[]',
    '8 string_val bytes[]',
    '10 int64_val int64[]',
    '11 bool_val bool[]',
    '13 half_val int32[]',
    '16 uint32_val uint32[]',
    '17 uint64_val uint64[]',
  ],
  FunctionDefLibrary: ['1 function FunctionDef[]', '2 gradient GradientDef[]'],
  GradientDef: ['1 function_name string', '2 gradient_func string'],
  FunctionDef: [
    '1 signature OpDef',
    '3 node_def NodeDef[]',
    '4 ret string{string}',
    '5 attr AttrValue{string}',
    '6 control_ret string{string}',
  ],
  OpDef: [
    '1 name string',
    '2 input_arg ArgDef[]',
    '3 output_arg ArgDef[]',
    '4 attr AttrDef[]',
    '17 is_stateful bool',
    '20 control_output string[]',
  ],
  ArgDef: [
    '1 name string',
    '3 type DataType',
    '4 type_attr string',
    '5 number_attr string',
    '6 type_list_attr string',
    '16 is_ref bool',
  ],
  AttrDef: ['1 name string', '2 type string', '3 default_value AttrValue'],
};

const SCALARS: Readonly<Record<string, FieldDescriptorProto_Type>> = {
  double: FieldDescriptorProto_Type.DOUBLE,
  float: FieldDescriptorProto_Type.FLOAT,
  int64: FieldDescriptorProto_Type.INT64,
  uint64: FieldDescriptorProto_Type.UINT64,
  int32: FieldDescriptorProto_Type.INT32,
  uint32: FieldDescriptorProto_Type.UINT32,
  bool: FieldDescriptorProto_Type.BOOL,
  string: FieldDescriptorProto_Type.STRING,
  bytes: FieldDescriptorProto_Type.BYTES,
};

const PACKAGE = 'tensorflow';

/** "tensor_shape" is `tensorShape` in JSON. */
const jsonNameOf = (name: string) => name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());

function fieldOf(number: number, name: string, type: string, isRepeated = false) {
  const scalar = SCALARS[type];
  const jsonName = jsonNameOf(name);
  const label = isRepeated ? FieldDescriptorProto_Label.REPEATED : FieldDescriptorProto_Label.OPTIONAL;
  if (scalar !== undefined) return { number, name, jsonName, label, type: scalar };
  const typeName = `.${PACKAGE}.${type}`;
  const isEnum = type === 'DataType';
  return {
    number,
    name,
    jsonName,
    label,
    typeName,
    type: isEnum ? FieldDescriptorProto_Type.ENUM : FieldDescriptorProto_Type.MESSAGE,
  };
}

function messageOf(name: string, rows: readonly string[]): DescriptorProto {
  const nestedType: DescriptorProto[] = [];
  const field = rows.map((row) => {
    const [number = '', fieldName = '', declared = ''] = row.split(' ');
    const [, type = '', mark = ''] = /^(\w+)(.*)$/.exec(declared) ?? [];
    if (mark.startsWith('{')) {
      const entry = `${jsonNameOf(`_${fieldName}`)}Entry`;
      const entryFields = [fieldOf(1, 'key', mark.slice(1, -1)), fieldOf(2, 'value', type)];
      nestedType.push(
        create(DescriptorProtoSchema, { name: entry, field: entryFields, options: { mapEntry: true } }),
      );
      return fieldOf(Number(number), fieldName, `${name}.${entry}`, true);
    }
    const made = fieldOf(Number(number), fieldName, type, mark === '[]');
    return mark === '?' ? { ...made, oneofIndex: 0 } : made;
  });
  const hasOneof = rows.some((row) => row.endsWith('?'));
  return create(DescriptorProtoSchema, {
    name,
    field,
    nestedType,
    ...(hasOneof && { oneofDecl: [{ name: 'value' }] }),
  });
}

function describeGraphDef(): DescMessage {
  const value = Object.entries(DATA_TYPES).flatMap(([name, number]) =>
    number === 0
      ? [{ name, number }]
      : [
          { name, number },
          { name: `${name}_REF`, number: number + 100 },
        ],
  );
  const file = create(FileDescriptorProtoSchema, {
    name: 'graph.proto',
    package: PACKAGE,
    syntax: 'proto3',
    messageType: Object.entries(MESSAGES).map(([name, rows]) => messageOf(name, rows)),
    enumType: [{ name: 'DataType', value }],
  });
  const graph = createFileRegistry(file, () => undefined).getMessage(`${PACKAGE}.GraphDef`);
  if (graph === undefined) throw new Error('The schema lacks GraphDef.');
  return graph;
}

export const GraphDefSchema: DescMessage = describeGraphDef();
