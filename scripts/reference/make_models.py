"""Builds the reference networks in the Keras of this interpreter and writes their expected results.

    python make_models.py OUT [NAME ...]

For each network: OUT/NAME/model (a SavedModel, from `model.save` in Keras 2 and `model.export` later),
OUT/NAME/model.keras and OUT/NAME/model.h5 (the same network as files of Keras),
OUT/NAME/expected.{json,bin} (inputs, logits and raw maps for every unit) and OUT/NAME/about.json (how to
expose it). `scripts/test-reference.mjs` calls this with the interpreter of each virtual environment. A network is
kept if the same sources and libraries made the network before.
"""

import argparse
import hashlib
import json
import os
import shutil
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tensorflow as tf  # noqa: E402
from tensorflow import keras  # noqa: E402

import architectures  # noqa: E402
import maps  # noqa: E402
import tensors  # noqa: E402
import weights  # noqa: E402

SAMPLES = 2
SOURCES = ("architectures.py", "bias_terms.py", "make_models.py", "maps.py", "tensors.py", "weights.py")
KERAS_2 = keras.__version__.startswith("2.")


def network(name, architecture):
    """Returns a network with its weights, the network's inputs, and the margin of `scale_batch_norms`."""
    keras.backend.clear_session()
    model = architecture.build()
    weights.randomise(model, name + architecture.seed)
    shape = (SAMPLES, *architecture.input_shape)
    inputs = weights.picture_like(name, shape, *architecture.input_range)
    margin = weights.scale_batch_norms(model, inputs)
    return model, inputs, margin


def signature(model):
    """Returns the function for `serving_default`, which Keras 2 does not save without traces."""
    specs = [tf.TensorSpec(i.shape, i.dtype, name=i.name) for i in model.inputs]

    @tf.function(input_signature=specs)
    def serve(*inputs):
        return {name: y for name, y in zip(model.output_names, [model(list(inputs), training=False)])}

    return serve


def save(model, path, keras_2_traces=True):
    shutil.rmtree(path, ignore_errors=True)
    if KERAS_2:
        options = {} if keras_2_traces else {"save_traces": False, "signatures": signature(model)}
        model.save(path, save_format="tf", include_optimizer=False, **options)
    else:
        model.export(path, verbose=False)


def save_files(model, directory):
    """Saves the network as files of Keras, which hold layers and weights instead of a graph."""
    for suffix in ("keras", "h5"):
        options = {"save_format": suffix} if KERAS_2 else {}
        model.save(directory / f"model.{suffix}", include_optimizer=False, **options)


def layers_of(model, path=()):
    """Returns [path, class] of every layer, in the order of `model.summary()`, nested layers after their model."""
    listed = []
    for layer in getattr(model, "operations", model.layers):
        is_input = isinstance(layer, keras.layers.InputLayer)
        if is_input and path:
            continue
        listed.append(["/".join((*path, layer.name)), type(layer).__name__])
        if isinstance(layer, keras.Model):
            listed += layers_of(layer, (*path, layer.name))
    return listed


def expected(model, architecture, inputs):
    signals = [architectures.activations_of(model), model.get_layer(architecture.deep).output]
    exposed = keras.Model(model.inputs, [model.outputs[0], *signals])
    logits, methods = maps.raw_maps(model, exposed, inputs, architecture.spatial_axis)
    return {"inputs": inputs, "logits": logits, **methods}


def fingerprint():
    """Returns a hash of this folder's sources and of the libraries' versions."""
    digest = hashlib.sha256(f"{tf.__version__} {keras.__version__}".encode())
    for source in SOURCES:
        digest.update((Path(__file__).parent / source).read_bytes())
    return digest.hexdigest()


def made_by(about):
    return json.loads(about.read_text())["madeBy"] if about.exists() else None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    known = architectures.SHARED if KERAS_2 else {**architectures.SHARED, **architectures.CURRENT_KERAS}
    maker = fingerprint()
    for name in arguments.names or known:
        directory = arguments.out / name
        if made_by(directory / "about.json") == maker:
            continue
        start = time.monotonic()
        (directory / "about.json").unlink(missing_ok=True)
        architecture = known[name]
        model, inputs, _ = network(name, architecture)
        save(model, directory / "model", architecture.keras_2_traces)
        save_files(model, directory)
        saved = time.monotonic()
        arrays = expected(model, architecture, inputs)
        tensors.write(directory / "expected", arrays)
        about = {  # Written last, to mark the other files as complete.
            "madeBy": maker,
            "hasCam": "cam" in arrays,
            "deep": architecture.deep,
            "spatialAxis": architecture.spatial_axis,
            "layers": layers_of(model),
        }
        (directory / "about.json").write_text(json.dumps(about) + "\n")
        print(
            f"Keras {keras.__version__} {name}: built and saved in {saved - start:.1f} s, "
            f"maps in {time.monotonic() - saved:.1f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
