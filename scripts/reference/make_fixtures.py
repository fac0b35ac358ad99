"""Makes test/fixtures/reference/: what the Python library keras-explainable gives for known networks.

    PYTHONPATH=<checkout>/src <keras 2 python> make_fixtures.py --keras3-python <keras 3 python>

Run it by hand, only to change a fixture: the tests need neither this script nor the library, which is on no
registry and is never a dependency. The interpreters are those of build/reference-venv-k2 (plus `pip install
pillow "matplotlib<3.9"`, which the library imports) and build/reference-venv-k3, made by `npm run test:reference`.

It writes:
- keras2/ and keras3/: one tiny network, saved by Keras 2.12 `model.save` and exported by current Keras;
- tiny.{json,bin}: 7 inputs, and the library's logits and maps of that network for one, three and all units;
- networks.{json,bin}: the library's maps for the five large networks of the suite, whose weights
  `weights.py` makes again on any machine: Grad-CAM for both samples and every unit; `gradients`, a hundred
  times larger, for the first sample and two units.
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
SAMPLES = 7
UNITS = [[4, 1]]
"""The units of the large networks' `gradients`."""


def tiny():
    """The tiny network, random in every weight, in the Keras of this interpreter."""
    keras.backend.clear_session()
    model = architectures.tiny()
    weights.randomise(model, "tiny")
    inputs = weights.picture_like("tiny", (SAMPLES, 16, 16, 3), -1, 1)
    return model, inputs


def tiny_maps(model, inputs):
    import keras_explainable as ke

    exposed = ke.inspection.expose(model)
    random = np.random.RandomState(7)
    three = np.stack([random.permutation(5)[:3] for _ in inputs]).astype("int32")
    arrays = {"inputs": inputs, "units_1": three[:, :1], "units_3": three}
    for label, units in {"1": three[:, :1], "3": three, "all": None}.items():
        raw = {"batch_size": 3, "verbose": 0, "postprocessing": None, "resizing": False}
        logits, arrays[f"gradients_{label}"] = ke.explain(
            ke.methods.gradient.gradients, model, inputs, units, **raw
        )
        arrays[f"logits_{label}"] = logits
        _, arrays[f"gradcam_{label}"] = ke.explain(ke.methods.cams.gradcam, exposed, inputs, units, **raw)
        _, arrays[f"gradients_shortcut_{label}"] = ke.gradients(model, inputs, units, verbose=0)
        _, arrays[f"gradcam_shortcut_{label}"] = ke.gradcam(exposed, inputs, units, verbose=0)
    return arrays


def network_maps():
    import keras_explainable as ke

    arrays = {"units": np.asarray(UNITS, "int32")}
    raw = {"verbose": 0, "postprocessing": None, "resizing": False}
    for name, architecture in architectures.SHARED.items():
        model, inputs, margin = make_models.network(name, architecture)
        assert margin > 1e-3, f"{name}: a batch-norm scale lies {margin} from the border; change the seed"
        print(f"{name}: margin of the batch-norm scales {margin:.4f}", flush=True)
        _, arrays[f"{name}/gradients"] = ke.explain(
            ke.methods.gradient.gradients, model, inputs[:1], arrays["units"], **raw
        )
        logits, arrays[f"{name}/gradcam"] = ke.explain(
            ke.methods.cams.gradcam, ke.inspection.expose(model), inputs, **raw
        )
        arrays[f"{name}/logits"] = logits
    return arrays


def export_keras_3(out):
    """Runs in current Keras: exports the tiny network and leaves its logits beside it for the check."""
    model, inputs = tiny()
    make_models.save(model, out / "model")
    np.save(out / "logits.npy", np.asarray(model(inputs, training=False)))


def install(model, name):
    """Moves a SavedModel to its place, without its empty folder and a fingerprint that changes at every save."""
    (model / "assets").rmdir()
    (model / "fingerprint.pb").unlink(missing_ok=True)
    shutil.rmtree(FIXTURES / name, ignore_errors=True)
    shutil.move(model, FIXTURES / name)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keras3-python", help="the interpreter that has current Keras")
    parser.add_argument("--export", type=Path, help="for this script's own use: runs in that interpreter")
    parser.add_argument("--tiny-only", action="store_true", help="leave networks.{json,bin} as they are")
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
        model, inputs = tiny()
        make_models.save(model, out / "keras2")
        arrays = tiny_maps(model, inputs)
        # The library does not load a Keras 3 export: that its maps hold for both follows from equal weights.
        np.testing.assert_allclose(np.load(out / "logits.npy"), arrays["logits_all"], atol=1e-5)
        install(out / "keras2", "keras2")
        install(out / "model", "keras3")
    tensors.write(FIXTURES / "tiny", arrays)
    if not arguments.tiny_only:
        tensors.write(FIXTURES / "networks", network_maps())


if __name__ == "__main__":
    main()
