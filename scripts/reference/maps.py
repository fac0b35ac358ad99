"""The formulae of `gradients` and `gradcam`, written out with tf.GradientTape: the second truth.

They share no code with the Python library or with ours. One backward pass per unit over a persistent tape, in
eager mode: samples of a batch do not influence one another, so the gradient of a unit's sum over the batch is
each sample's own gradient.
"""

import tensorflow as tf


def gradients(model, inputs):
    """Logits (N, U) and the channels' mean of |d logit / d input|, (N, ...spatial, U), for every unit."""
    inputs = tf.convert_to_tensor(inputs)
    with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
        tape.watch(inputs)
        logits = model(inputs, training=False)
        units = tf.unstack(logits, axis=-1)
    maps = [tf.reduce_mean(tf.abs(tape.gradient(unit, inputs)), axis=-1) for unit in units]
    return logits.numpy(), tf.stack(maps, axis=-1).numpy()


def gradcam(exposed, inputs, spatial_axis=(-3, -2)):
    """Logits (N, U) and sum_k mean_spatial(d logit / d A_k) A_k, (N, ...spatial, U), for every unit.

    `exposed` returns (logits, activations).
    """
    inputs = tf.convert_to_tensor(inputs)
    with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
        tape.watch(inputs)
        logits, activations = exposed(inputs, training=False)
        units = tf.unstack(logits, axis=-1)
    maps = []
    for unit in units:
        weights = tf.reduce_mean(tape.gradient(unit, activations), axis=spatial_axis, keepdims=True)
        maps.append(tf.reduce_sum(weights * activations, axis=-1))
    return logits.numpy(), tf.stack(maps, axis=-1).numpy()
