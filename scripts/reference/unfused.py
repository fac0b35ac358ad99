"""A twin of a functional Keras 2 model whose activations are layers of their own.

The Python library takes the gradients of `full_gradients` at the outputs of layers. A bias acts before the
activation that its layer has itself (`Conv2D(..., activation="relu")`), so the formula holds on the twin only.
"""

from tensorflow import keras

SUFFIX = "_linear"


def unfused(model):
    """`model` with every fused activation split off; the same weights, the same outputs."""
    config = model.get_config()
    config["layers"] = [part for layer in config["layers"] for part in _split(layer)]
    twin = keras.Model.from_config(config)
    for layer in twin.layers:
        if layer.weights:
            layer.set_weights(model.get_layer(layer.name.removesuffix(SUFFIX)).get_weights())
        if type(layer).__name__ == "Normalization":
            layer.finalize_state()  # It computes with copies of its weights.
    return twin


def _split(layer):
    activation = layer["config"].get("activation", "linear")
    if activation == "linear" or layer["class_name"] == "Activation":
        return [layer]
    name = layer["name"]
    linear = {
        **layer,
        "name": name + SUFFIX,
        "config": {**layer["config"], "name": name + SUFFIX, "activation": "linear"},
    }
    activated = {
        "class_name": "Activation",
        "name": name,
        "config": {"name": name, "trainable": True, "dtype": "float32", "activation": activation},
        "inbound_nodes": [[[name + SUFFIX, 0, 0, {}]]],
    }
    return [linear, activated]
