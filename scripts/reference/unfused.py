"""A twin of a functional Keras 2 model in which each activation is a separate layer.

The Python library computes the gradients of `full_gradients` at the outputs of layers. A bias acts before the
activation inside its layer (`Conv2D(..., activation="relu")`), so the formula is correct only for the twin.
"""

from tensorflow import keras

SUFFIX = "_linear"


def unfused(model):
    """Returns `model` with every activation in a separate layer, and with the same weights and outputs."""
    config = model.get_config()
    config["layers"] = [part for layer in config["layers"] for part in _split(layer)]
    twin = keras.Model.from_config(config)
    for layer in twin.layers:
        if layer.weights:
            layer.set_weights(model.get_layer(layer.name.removesuffix(SUFFIX)).get_weights())
        if type(layer).__name__ == "Normalization":
            layer.finalize_state()  # The layer computes with copies of its weights.
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
