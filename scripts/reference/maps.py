"""The formulae of the methods, written with tf.GradientTape: an independent reference.

The formulae share no code with the Python library or with this package. Each unit has one backward pass over a
persistent tape in eager mode. The samples of a batch are independent, so the gradient of a unit's sum over the batch
is each sample's own gradient.
"""

import tensorflow as tf

import bias_terms


def raw_maps(model, exposed, inputs, spatial_axis):
    """Returns logits (N, U) and the raw maps of each method by name, (N, ...spatial, U), for every unit.

    `exposed` is `model` with the outputs (logits, activations, deep): the activations of Grad-CAM, and a layer far
    from the output.
    """
    inputs = tf.convert_to_tensor(inputs)
    with bias_terms.recorded(model) as recorded:
        with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
            tape.watch(inputs)
            logits, activations, deep = exposed(inputs, training=False)
            units = tf.unstack(logits, axis=-1)
    # The other terms, such as the terms of a dense layer after the pooling, have no position on a map.
    terms = [(t, b) for layer, t, b in recorded if has_position(layer, t, inputs)]
    maps = {name: [] for name in ("gradients", "gradcam", "gradcam_deep", "gradcampp", "full_gradients")}
    for unit in units:
        of_inputs, of_activations, of_deep, *of_terms = tape.gradient(
            unit, [inputs, activations, deep, *(t for t, _ in terms)]
        )
        products = [of_inputs * inputs, *(g * b for g, (_, b) in zip(of_terms, terms) if g is not None)]
        maps["gradients"].append(tf.reduce_mean(tf.abs(of_inputs), axis=-1))
        maps["gradcam"].append(gradcam(activations, of_activations, spatial_axis))
        maps["gradcam_deep"].append(gradcam(deep, of_deep, spatial_axis))
        maps["gradcampp"].append(gradcampp(unit, activations, of_activations, spatial_axis))
        maps["full_gradients"].append(full_gradients(products, spatial_axis))
    maps = {name: tf.stack(of_units, axis=-1).numpy() for name, of_units in maps.items()}
    kernel = last_kernel(model)
    if kernel.shape[-2] == activations.shape[-1]:
        # (1, 1, K, U) for logits from a 1x1 convolution.
        kernel = tf.reshape(kernel, kernel.shape[-2:])
        maps["cam"] = tf.tensordot(activations, kernel, 1).numpy()
    return logits.numpy(), maps


def has_position(layer, t, inputs):
    """Returns whether the axes of `t`, a tensor of `layer`, are like the inputs' axes: batch, positions, channels.

    The queries, keys and values of attention, (N, tokens, heads, width), have the same rank but other axes.
    """
    return len(t.shape) == len(inputs.shape) and type(layer).__name__ != "EinsumDense"


def last_kernel(model):
    return tf.convert_to_tensor([layer.kernel for layer in model.layers if hasattr(layer, "kernel")][-1])


def gradcam(activations, gradient, spatial_axis):
    """sum_k mean_positions(d logit / d A_k) A_k."""
    weights = tf.reduce_mean(gradient, axis=spatial_axis, keepdims=True)
    return tf.reduce_sum(weights * activations, axis=-1)


def gradcampp(logit, activations, gradient, spatial_axis):
    """sum_k w_k A_k, w_k = sum_positions alpha relu(exp(y) g), alpha = g² / (2 g² + sum_positions(A_k) g³)."""
    total = tf.reduce_sum(activations, axis=spatial_axis, keepdims=True)
    alpha = tf.math.divide_no_nan(gradient**2, 2.0 * gradient**2 + total * gradient**3)
    scores = tf.reshape(tf.exp(logit), [-1] + [1] * (len(activations.shape) - 1))
    weights = tf.reduce_sum(alpha * tf.nn.relu(scores * gradient), axis=spatial_axis, keepdims=True)
    return tf.reduce_sum(weights * activations, axis=-1)


def full_gradients(products, spatial_axis):
    """sum over products (inputs·g, then b·g for each additive constant b) of resize(mean_channels psi(product))."""
    sizes = [products[0].shape[axis] for axis in spatial_axis]
    return tf.add_n([resize(tf.reduce_mean(psi(p, spatial_axis), axis=-1), sizes) for p in products])


def psi(product, spatial_axis):
    """Returns the absolute value, stretched to [0, 1] in every channel."""
    magnitude = tf.abs(product)
    magnitude -= tf.reduce_min(magnitude, axis=spatial_axis, keepdims=True)
    return tf.math.divide_no_nan(magnitude, tf.reduce_max(magnitude, axis=spatial_axis, keepdims=True))


def resize(maps, sizes):
    """Resizes (N, ...) to (N, *sizes) bilinearly, one axis after another, for any number of axes of positions."""
    for axis, size in enumerate(sizes, start=1):
        order = [0, axis, *(a for a in range(1, len(maps.shape)) if a != axis)]
        moved = tf.transpose(maps, order)
        rest = moved.shape[2:]
        rows = tf.reshape(moved, [moved.shape[0], moved.shape[1], -1, 1])
        rows = tf.image.resize(rows, [size, rows.shape[2]])
        resized = tf.reshape(rows, [moved.shape[0], size, *rest])
        maps = tf.transpose(resized, [order.index(a) for a in range(len(order))])
    return maps
