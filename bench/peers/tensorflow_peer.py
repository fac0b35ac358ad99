"""TensorFlow's own GradientTape as a peer, compiled by tf.function. bench/peers/peer.mjs describes the questions.

The only method is `gradients`: the mean over the channels of the absolute gradient of one unit by the inputs, with each
map scaled to [0, 1].
"""

from answer import answer, noise, units_of

import numpy as np  # isort: skip
import tensorflow as tf  # isort: skip


def open_job(job):
    model = tf.keras.models.load_model(job["model"], compile=False)
    samples, batch = job["samples"], job["batchSize"]
    x = noise((samples, *model.input.shape[1:]))
    units = units_of(model.output.shape[-1], samples, 1)[:, 0]

    @tf.function(input_signature=[tf.TensorSpec(model.input.shape), tf.TensorSpec([None], tf.int32)])
    def explain(inputs, unit):
        # The weights are not watched, so that the tape computes no gradients of weights.
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(inputs)
            logits = tf.gather(model(inputs, training=False), unit, axis=1, batch_dims=1)
        maps = tf.reduce_mean(tf.abs(tape.gradient(logits, inputs)), axis=-1)
        maps -= tf.reduce_min(maps, axis=1, keepdims=True)
        return tf.math.divide_no_nan(maps, tf.reduce_max(maps, axis=1, keepdims=True))

    def run(rows):
        count = samples if rows is None else min(rows, samples)
        parts = [
            explain(x[i : min(i + batch, count)], units[i : min(i + batch, count)]).numpy()
            for i in range(0, count, batch)
        ]
        return np.concatenate(parts)[..., None]

    return run


answer(open_job)
