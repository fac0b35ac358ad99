/** The parts of the protocol buffers' wire format, and of the table of a checkpoint's index, that the seeds need. */

/** Returns [value, offset after the varint] of the varint at `at`. */
export function readVarint(bytes, at) {
  let value = 0;
  for (let factor = 1; ; factor *= 128) {
    const byte = bytes[at++];
    if (byte === undefined) throw new RangeError('The bytes end within a number.');
    value += (byte & 127) * factor;
    if (byte < 128) return [value, at];
  }
}

function varint(value) {
  const bytes = [];
  for (; value >= 128; value = Math.floor(value / 128)) bytes.push((value & 127) | 128);
  return Buffer.from([...bytes, value]);
}

/** Returns the fields of a message as { tag, value, whole }: the bytes of the value and of the whole field. */
export function fieldsOf(message) {
  const fields = [];
  for (let at = 0; at < message.length; ) {
    const begin = at;
    const [key, behind] = readVarint(message, at);
    let body = behind;
    let end;
    if (key % 8 === 0) [, end] = readVarint(message, behind);
    else if (key % 8 === 2) {
      const [length, start] = readVarint(message, behind);
      body = start;
      end = start + length;
    } else end = behind + (key % 8 === 1 ? 8 : 4);
    const tag = Math.floor(key / 8);
    fields.push({ tag, value: message.subarray(body, end), whole: message.subarray(begin, end) });
    at = end;
  }
  return fields;
}

/** Returns the values of nested fields: of the message's fields `path[0]`, of their fields `path[1]`, and so on. */
export function valuesAt(message, ...path) {
  let values = [message];
  for (const tag of path) {
    values = values.flatMap((value) => fieldsOf(value).filter((field) => field.tag === tag));
    values = values.map((field) => field.value);
  }
  return values;
}

/** Returns the encoding of a field whose value is bytes or a message. */
export function bytesField(tag, value) {
  return Buffer.concat([varint(tag * 8 + 2), varint(value.length), value]);
}

/** Returns the message without the fields whose tags `drops` lists. */
export function without(message, drops) {
  return Buffer.concat(fieldsOf(message).flatMap(({ tag, whole }) => (drops.includes(tag) ? [] : [whole])));
}

function blockEntries(table, offset, size) {
  const block = table.subarray(offset, offset + size);
  const end = size - 4 - 4 * block.readUInt32LE(size - 4);
  const entries = [];
  let key = Buffer.alloc(0);
  for (let at = 0; at < end; ) {
    const [shared, a] = readVarint(block, at);
    const [more, b] = readVarint(block, a);
    const [length, c] = readVarint(block, b);
    key = Buffer.concat([key.subarray(0, shared), block.subarray(c, c + more)]);
    entries.push([key, block.subarray(c + more, c + more + length)]);
    at = c + more + length;
  }
  return entries;
}

const TABLE_MAGIC = 0xdb4775248b80fb57n;

/** Returns whether the bytes are a table. A fixture may hold another file in its place, such as a Git LFS pointer. */
export function isTable(bytes) {
  return bytes.length >= 48 && bytes.readBigUInt64LE(bytes.length - 8) === TABLE_MAGIC;
}

/** Returns the entries of an uncompressed table as [key, value]. */
export function tableEntries(table) {
  const footer = table.subarray(table.length - 48);
  const numbers = [];
  for (let at = 0; numbers.length < 4; ) {
    const [number, behind] = readVarint(footer, at);
    numbers.push(number);
    at = behind;
  }
  return blockEntries(table, numbers[2], numbers[3]).flatMap(([, handle]) => {
    const [offset, behind] = readVarint(handle, 0);
    return blockEntries(table, offset, readVarint(handle, behind)[0]);
  });
}
