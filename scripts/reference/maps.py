"""The formulae of `gradients` and `gradcam`, written out with tf.GradientTape: the second truth.

They share no code with the Python library or with ours. One backward pass per unit over a persistent tape, in
eager mode: samples of a batch do not influence one another, so the gradient of a unit's sum over the batch is
each sample's own gradient.
"""

import tensorflow as tf


def raw_maps(exposed, inputs, spatial_axis):
    """Logits (N, U), the map of `gradients` and a map of `gradcam` per signal, for every unit.

    `exposed` returns (logits, *signals). The maps, (N, ...spatial, U), are the channels' mean of
    |d logit / d input|, and sum_k mean_spatial(d logit / d A_k) A_k for a signal A.
    """
    inputs = tf.convert_to_tensor(inputs)
    with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
        tape.watch(inputs)
        logits, *signals = exposed(inputs, training=False)
        units = tf.unstack(logits, axis=-1)
    gradients = []
    gradcams = [[] for _ in signals]
    for unit in units:
        of_inputs, *of_signals = tape.gradient(unit, [inputs, *signals])
        gradients.append(tf.reduce_mean(tf.abs(of_inputs), axis=-1))
        for maps, signal, gradient in zip(gradcams, signals, of_signals):
            weights = tf.reduce_mean(gradient, axis=spatial_axis, keepdims=True)
            maps.append(tf.reduce_sum(weights * signal, axis=-1))
    stacked = [tf.stack(maps, axis=-1).numpy() for maps in [gradients, *gradcams]]
    return logits.numpy(), stacked[0], stacked[1:]
