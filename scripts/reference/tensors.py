"""Writes named arrays as one little-endian binary file, and a JSON manifest with the offset of each array.

`test/reference/tensors.ts` reads these files. Raw values with a manifest need no format library in either language.
"""

import json
from pathlib import Path

import numpy as np

DTYPES = {"float32": "<f4", "int32": "<i4"}


def write(path, arrays):
    """Writes `arrays` (name -> float32 or int32 array) to `path`.bin and `path`.json."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    manifest, chunks, offset = {}, [], 0
    for name, array in arrays.items():
        array = np.asarray(array)
        dtype = array.dtype.name
        if dtype not in DTYPES:
            raise TypeError(f"{name}: expected float32 or int32, received {dtype}")
        data = np.ascontiguousarray(array, DTYPES[dtype]).tobytes()
        manifest[name] = {"dtype": dtype, "shape": list(array.shape), "offset": offset}
        chunks.append(data)
        offset += len(data)
    path.with_suffix(".bin").write_bytes(b"".join(chunks))
    lines = ",\n".join(f'  "{name}": {json.dumps(entry)}' for name, entry in manifest.items())
    path.with_suffix(".json").write_text("{\n" + lines + "\n}\n")


def read(path):
    """Returns the arrays that `write(path, ...)` wrote."""
    path = Path(path)
    data = path.with_suffix(".bin").read_bytes()
    arrays = {}
    for name, entry in json.loads(path.with_suffix(".json").read_text()).items():
        count = int(np.prod(entry["shape"], dtype=np.int64))
        values = np.frombuffer(data, DTYPES[entry["dtype"]], count, entry["offset"])
        arrays[name] = values.reshape(entry["shape"])
    return arrays
