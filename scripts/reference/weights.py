"""Random weights that are the same on every machine, in Keras 2 and in current Keras.

A variable's values depend only on a seed, on the variable's place in the model and on its shape, so a network
of 100 MB needs no file. Kernels are scaled by their fan-in (He). Batch-norm statistics vary from channel to
channel around the scale of the layer's real input, so that activations of a deep network neither explode nor vanish.
A badly scaled network would amplify float32 rounding errors, and no tolerance could distinguish rounding errors from
a wrong gradient.
"""

import zlib

import numpy as np


def _random(key):
    return np.random.RandomState(zlib.crc32(key.encode()))


def _leaf(variable):
    """Returns the last part of a variable's name, such as `kernel` or `gamma`, in both Keras versions."""
    return variable.name.split("/")[-1].split(":")[0]


def _fan_in(shape, layer, name):
    if name == "depthwise_kernel" or type(layer).__name__ == "DepthwiseConv2D":
        return int(np.prod(shape[:-2]))
    if type(layer).__name__ == "MultiHeadAttention" and shape[0] < shape[2]:
        return shape[0] * shape[1]  # (heads, key, width): the output's projection.
    if type(layer).__name__ == "MultiHeadAttention":
        return shape[0]  # (width, heads, key)
    return int(np.prod(shape[:-1]))


def _draw(random, shape, layer, name):
    if name.endswith("kernel"):
        return random.normal(0, np.sqrt(2 / _fan_in(shape, layer, name)), shape)
    if name == "gamma" or type(layer).__name__ == "LayerScale":
        return random.uniform(0.6, 1.0, shape)
    if name in ("beta", "moving_mean", "mean"):
        return random.normal(0, 0.2, shape)
    if name in ("moving_variance", "variance"):
        return random.uniform(0.7, 1.6, shape)
    if name == "bias":
        return random.normal(0, 0.1, shape)
    if name == "embeddings":
        return random.normal(0, 0.5, shape)
    raise ValueError(f"{layer.name}: no distribution for the variable {name} of shape {shape}")


def randomise(model, seed):
    """Replaces every float weight of `model`. `seed` is a string."""
    for place, layer in enumerate(layer for layer in model.layers if layer.weights):
        for index, variable in enumerate(layer.weights):
            shape = tuple(variable.shape)
            if "float" not in str(variable.dtype):
                continue  # Seeds and counters.
            values = _draw(_random(f"{seed}/{place}/{index}/{shape}"), shape, layer, _leaf(variable))
            variable.assign(values.astype("float32"))
        if type(layer).__name__ == "Normalization" and layer.weights:
            layer.finalize_state()  # The layer computes with copies of its weights.


def scale_batch_norms(model, inputs):
    """Multiplies each batch-norm layer's statistics by the scale of its input, in one eager forward pass.

    A scale is rounded to a power of two, so that the scale is equal on machines with different rounding. Returns the
    smallest distance of a scale's logarithm to the border between two powers. The distance must be far larger than
    rounding errors; otherwise scales may differ between machines.
    """
    margins = [0.5]

    def scaled(layer, call):
        def scale_and_call(x, *args, **kwargs):
            exponent = np.log2(np.std(np.asarray(x)))
            margins.append(0.5 - abs(exponent - np.round(exponent)))
            scale = np.float32(2 ** np.round(exponent))
            layer.moving_mean.assign(layer.moving_mean * scale)
            layer.moving_variance.assign(layer.moving_variance * scale**2)
            return call(x, *args, **kwargs)

        return scale_and_call

    layers = [layer for layer in model.layers if type(layer).__name__ == "BatchNormalization"]
    for layer in layers:
        layer.call = scaled(layer, layer.call)
    model(inputs, training=False)
    for layer in layers:
        del layer.call
    return min(margins)


def picture_like(seed, shape, low, high):
    """Returns random inputs with structure at two scales (blocks and noise), in [low, high]."""
    random = _random(seed)
    batch, *sizes, channels = shape
    coarse = random.uniform(size=(batch, *(-(-size // 8) for size in sizes), channels))
    for axis, size in enumerate(sizes, start=1):
        coarse = np.repeat(coarse, 8, axis=axis).take(range(size), axis=axis)
    values = 0.7 * coarse + 0.3 * random.uniform(size=shape)
    return (low + (high - low) * values).astype("float32")
