"""Makes the networks that `npm run bench` measures, in the Keras of this interpreter.

    python make_networks.py OUT

Each network is a SavedModel OUT/NAME. The networks of keras.applications take 224 x 224 pictures and have 1000
classes; OUT/about.json has the number of operations of one forward pass. LSTM takes sequences. Weights are random,
differ from the layers' initial values, and are the same in every Keras (scripts/reference/weights.py).
"""

import json
import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "reference"))

import numpy as np  # noqa: E402
from tensorflow import keras  # noqa: E402

import make_models  # noqa: E402
import weights  # noqa: E402

RANGES = {"ResNet50V2": (-1, 1), "MobileNetV2": (-1, 1), "EfficientNetB0": (0, 255)}


def operations(model):
    """Returns the multiplications and additions of convolutions and matrix products, which dominate, for one sample."""
    total = 0
    for layer in model.layers:
        kind = type(layer).__name__
        if kind in ("Conv2D", "DepthwiseConv2D", "Dense"):
            kernel = layer.get_weights()[0]
            positions = int(np.prod(layer.output.shape[1:-1]))
            total += 2 * kernel.size * positions
    return total


def recurrent(steps=500, features=32, width=128, classes=10):
    """Returns an LSTM over sequences (steps, features). Keras runs an LSTM as a While of one turn per step."""
    inputs = keras.Input((steps, features))
    return keras.Model(inputs, keras.layers.Dense(classes)(keras.layers.LSTM(width)(inputs)))


def main(out):
    about = {}
    for name, values in RANGES.items():
        keras.backend.clear_session()
        model = getattr(keras.applications, name)(weights=None, classifier_activation=None)
        weights.randomise(model, name)
        weights.scale_batch_norms(model, weights.picture_like(name, (2, 224, 224, 3), *values))
        make_models.save(model, out / name)
        about[name] = {"operations": int(operations(model))}
    keras.backend.clear_session()
    model = recurrent()
    weights.randomise(model, "LSTM")
    make_models.save(model, out / "LSTM")
    (out / "about.json").write_text(json.dumps(about) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
