"""Builds the models of `npm run test:layers`, one per case of layer_cases.py, in the Keras of this interpreter.

    python make_layers.py OUT [CLASS ...]

A model is the layer, then the mean over the positions, then Dense(3). OUT/NUMBER holds model/ (a SavedModel), the same
model as model.keras and model.h5 as far as Keras can save the model so, and expected.{json,bin} (x, y, gradients).
OUT/cases.json lists {class, options, folder, kind, error}. `gradients`
(U, N, ...) holds the gradients of each output with respect to x in float64, from tf.GradientTape; it is absent where
TensorFlow has none. `error` is the message of a case that Keras itself cannot build or save.
"""

import argparse
import json
import os
import shutil
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from tensorflow import keras  # noqa: E402

import layer_cases  # noqa: E402
import tensors  # noqa: E402

L = keras.layers
SAMPLES, UNITS = 3, 3
DTYPES = {"ids": "int64", "texts": "string"}


class AsFloat(L.Layer):
    """Casts to the dtype of the network: integers of lookups, and inputs of float64."""

    def call(self, x):
        return tf.cast(x, self.compute_dtype)

    def compute_output_shape(self, shape):
        return shape


def build(function, shape, kind):
    image = keras.Input(shape, dtype=DTYPES.get(kind), name="x")
    h = AsFloat(name="as_float")(function(image))
    rank = len(h.shape)
    if 3 <= rank <= 5:
        h = getattr(L, f"GlobalAveragePooling{rank - 2}D")(name="pool")(h)
    elif rank > 5:
        h = L.Flatten(name="pool")(h)
    return keras.Model(image, L.Dense(UNITS, name="predictions")(h))


def values(random, shape, kind):
    shape = (SAMPLES, *(7 if size is None else size for size in shape))
    if kind == "ids":
        return random.integers(0, 7, shape)
    if kind == "texts":
        return random.choice(["a", "b", "c a", "b b a"], shape)
    return random.uniform(size=shape) if kind == "picture" else random.normal(size=shape)


def randomise(model, random):
    """Moves each float weight, so that no bias is 0 and no scale is 1. Variances stay positive."""
    for weight in model.weights:
        if tf.as_dtype(weight.dtype).is_floating:
            value = np.asarray(weight)
            weight.assign(value + random.uniform(0, 0.2, value.shape))


def gradients(model, x):
    """Returns the output and the gradients (U, N, ...), or None where TensorFlow has none."""
    x = tf.constant(x)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = model(x, training=False)
        units = [y[:, unit] for unit in range(UNITS)]
    if not x.dtype.is_floating:
        return y, None
    found = [tape.gradient(unit, x) for unit in units]
    return y, None if any(g is None for g in found) else np.stack([g.numpy() for g in found])


def in_float64(function, shape, kind, weights, x):
    """Returns the output and the gradients that a copy of the model computes in float64."""
    before = keras.backend.floatx()
    keras.backend.set_floatx("float64")
    try:
        keras.backend.clear_session()
        model = build(function, shape, kind)
        model.set_weights(weights)
        return gradients(model, x.astype("float64") if x.dtype == "float32" else x)
    finally:
        keras.backend.set_floatx(before)


def make(folder, number, case):
    name, options, shape, kind, function = case
    entry = {"class": name, "options": options, "folder": f"{number:03d}", "kind": kind}
    try:
        keras.backend.clear_session()
        random = np.random.default_rng(number)
        model = build(function, shape, kind)
        randomise(model, random)
        x = values(random, shape, kind)
        x = x.astype("float32") if x.dtype.kind == "f" else x
        try:
            y, slopes = in_float64(function, shape, kind, model.get_weights(), x)
        except Exception:  # A layer that does not compute in float64.
            y, slopes = gradients(model, x)
        path = folder / entry["folder"]
        shutil.rmtree(path, ignore_errors=True)
        if layer_cases.KERAS_3:
            model.export(path / "model", verbose=False)
        else:
            model.save(path / "model", save_format="tf", include_optimizer=False)
        for name in ("model.keras", "model.h5"):
            try:
                model.save(path / name)
            except Exception:  # The format cannot hold the layer. Keras may leave a part of the file.
                (path / name).unlink(missing_ok=True)
        arrays = {"y": y.numpy().astype("float32")}
        if kind != "texts":
            arrays["x"] = x.astype("int32") if kind == "ids" else x
        if slopes is not None:
            arrays["gradients"] = slopes.astype("float32")
        tensors.write(path / "expected", arrays)
        if kind == "texts":
            (path / "x.json").write_text(json.dumps(x.tolist()))
    except Exception as error:
        entry["error"] = f"{type(error).__name__}: {str(error).splitlines()[0][:200]}"
    return entry


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("classes", nargs="*")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    entries = [
        make(arguments.out, number, case)
        for number, case in enumerate(layer_cases.cases())
        if hasattr(layer_cases.L, case[0]) and (not arguments.classes or case[0] in arguments.classes)
    ]
    listing = {"tensorflow": tf.__version__, "keras": keras.__version__, "cases": entries}
    (arguments.out / "cases.json").write_text(json.dumps(listing, indent=1) + "\n")


if __name__ == "__main__":
    main()
