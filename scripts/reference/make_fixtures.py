"""Makes test/fixtures/reference/: the results of the Python library keras-explainable for known networks.

    PYTHONPATH=<checkout>/src <keras 2 python> make_fixtures.py --keras3-python <keras 3 python>

Run this script by hand, only to change a fixture. The tests need neither this script nor the library. The library is
on no registry and is never a dependency. `npm run test:reference` makes the interpreters build/reference-venv-k2 and
build/reference-venv-k3. The first also needs `pip install pillow "matplotlib<3.9"`, which the library imports.

The script writes:
- keras2/ and keras3/: the small networks, saved by Keras 2.12 `model.save` and exported by current Keras;
- tiny.{json,bin}: 5 inputs, and the library's logits and maps of that network. The maps are of every method for one,
  three and all units, and of every meta method for three units;
- convolutional.{json,bin}: 3 inputs, and maps of a network whose logits come from a 1x1 convolution;
- networks.{json,bin}: the library's maps for the large networks of the suite. `weights.py` makes the same weights on
  any machine. Maps of activations are stored for both samples and every unit. Maps of inputs are a hundred times
  larger, and are stored for one sample and one unit. Normalised maps of inputs are thinned out (`library_maps.THIN`).
"""

import argparse
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np  # noqa: E402
from tensorflow import keras  # noqa: E402

import architectures  # noqa: E402
import make_models  # noqa: E402
import tensors  # noqa: E402
import weights  # noqa: E402

FIXTURES = Path(__file__).resolve().parents[2] / "test" / "fixtures" / "reference"
SAMPLES = {"tiny": 5, "convolutional": 3}
UNIT = 4
"""The unit of the large networks' committed maps in the input's size."""


def small(name):
    """Returns a small network with random weights, in the Keras of this interpreter, and its inputs."""
    keras.backend.clear_session()
    architecture = architectures.SMALL[name]
    model = architecture.build()
    weights.randomise(model, name)
    inputs = weights.picture_like(name, (SAMPLES[name], *architecture.input_shape), *architecture.input_range)
    return model, inputs


def small_maps(name, model, inputs):
    import library_maps

    calls = {"tiny": library_maps.tiny_maps, "convolutional": library_maps.convolutional_maps}
    return calls[name](model, inputs)


def network_maps():
    import library_maps

    arrays = {}
    for name, architecture in architectures.SHARED.items():
        model, inputs, margin = make_models.network(name, architecture)
        assert margin > 1e-3, f"{name}: a batch-norm scale lies {margin} from the border; change the seed"
        print(f"{name}: margin of the batch-norm scales {margin:.4f}", flush=True)
        for key, maps in library_maps.network_maps(model, inputs, UNIT).items():
            arrays[f"{name}/{key}"] = maps
    return arrays


def export_keras_3(out):
    """Exports the small networks in current Keras, and writes their outputs beside them for the check."""
    for name in architectures.SMALL:
        model, inputs = small(name)
        make_models.save(model, out / name)
        np.save(out / f"{name}.npy", np.asarray(model(inputs, training=False)))


def install(model, name):
    """Moves a SavedModel to its place, without its empty folder and its fingerprint, which differs at every save."""
    (model / "assets").rmdir()
    (model / "fingerprint.pb").unlink(missing_ok=True)
    shutil.rmtree(FIXTURES / name, ignore_errors=True)
    FIXTURES.joinpath(name).parent.mkdir(exist_ok=True)
    shutil.move(model, FIXTURES / name)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keras3-python", help="the interpreter that has current Keras")
    parser.add_argument("--export", type=Path, help="internal: runs in --keras3-python")
    parser.add_argument("--small-only", action="store_true", help="do not write networks.{json,bin}")
    arguments = parser.parse_args()
    if arguments.export:
        export_keras_3(arguments.export)
        return
    FIXTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        out = Path(temporary)
        command = [arguments.keras3_python, __file__, "--export", out]
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        subprocess.run(command, check=True, env=environment)
        for name in architectures.SMALL:
            model, inputs = small(name)
            # The library cannot load a Keras 3 export. Its maps are valid for both: the weights are equal.
            np.testing.assert_allclose(np.load(out / f"{name}.npy"), model(inputs, training=False), atol=1e-5)
            make_models.save(model, out / f"{name}-2")
            tensors.write(FIXTURES / name, small_maps(name, model, inputs))
            install(out / f"{name}-2", f"keras2/{name}")
            install(out / name, f"keras3/{name}")
    if not arguments.small_only:
        tensors.write(FIXTURES / "networks", network_maps())


if __name__ == "__main__":
    main()
