"""The additive constants of a network and the tensors after each addition, for the formula of full gradients.

A layer computes `activation(linear(x) + b)`. The term of the layer is b and t = linear(x) + b, before the layer's own
activation. The constant of a normalisation is its output for zeros, with the layer's own epsilon.
"""

from contextlib import contextmanager

import tensorflow as tf


def bias_of(layer):
    """Returns the constant that `layer` adds along the last axis, or None if the layer adds no constant."""
    kind = type(layer).__name__
    if kind == "BatchNormalization":
        deviation = tf.sqrt(tf.convert_to_tensor(layer.moving_variance) + layer.epsilon)
        gamma = layer.gamma if layer.scale else 1.0
        beta = layer.beta if layer.center else 0.0
        return beta - tf.convert_to_tensor(layer.moving_mean) * gamma / deviation
    if kind == "LayerNormalization":
        return tf.convert_to_tensor(layer.beta) if layer.center else None
    if kind == "Normalization":
        epsilon = tf.keras.backend.epsilon()
        return -layer.mean / tf.maximum(tf.sqrt(tf.convert_to_tensor(layer.variance)), epsilon)
    if kind == "Rescaling":
        return None if layer.offset == 0 else tf.convert_to_tensor(layer.offset, tf.float32)
    if kind == "PositionEmbedding":
        return tf.convert_to_tensor(layer.embeddings)
    bias = getattr(layer, "bias", None)
    return None if bias is None else tf.convert_to_tensor(bias)


@contextmanager
def recorded(model):
    """Yields a list. Calling `model`'s layers eagerly inside the block appends (layer, t, b) to the list."""
    terms, patched = [], []

    def recording(layer, call):
        def call_and_record(x, *args, **kwargs):
            activation = getattr(layer, "activation", None)
            if activation is not None:
                layer.activation = None
            t = call(x, *args, **kwargs)
            terms.append((layer, t, bias_of(layer)))
            if activation is None:
                return t
            layer.activation = activation
            return activation(t)

        return call_and_record

    for layer in model._flatten_layers(include_self=False):
        if bias_of(layer) is not None:
            layer.call = recording(layer, layer.call)
            patched.append(layer)
    try:
        yield terms
    finally:
        for layer in patched:
            del layer.call
