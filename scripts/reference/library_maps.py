"""The results of the Python library keras-explainable, which `make_fixtures.py` writes. Keras 2 only."""

import keras_explainable as ke
import numpy as np
import tensorflow as tf

import bias_terms
from unfused import unfused

METHODS = {
    "gradients": ke.methods.gradient.gradients,
    "cam": ke.methods.cams.cam,
    "gradcam": ke.methods.cams.gradcam,
    "gradcampp": ke.methods.cams.gradcampp,
    "scorecam": ke.methods.cams.scorecam,
}
SHORTCUTS = {name: getattr(ke, name) for name in METHODS}

META = {
    "smooth_gradients": ke.methods.meta.smooth(METHODS["gradients"], repetitions=3, noise=0.0),
    "smooth_gradcam": ke.methods.meta.smooth(METHODS["gradcam"], repetitions=3, noise=0.0),
    "tta_gradients": ke.methods.meta.tta(METHODS["gradients"], scales=[0.5, 2.0]),
    "tta_gradients_no_flip": ke.methods.meta.tta(METHODS["gradients"], scales=[1.5], hflip=False),
    "tta_gradcam": ke.methods.meta.tta(METHODS["gradcam"]),
    "tta_smooth_gradcam": ke.methods.meta.tta(
        ke.methods.meta.smooth(METHODS["gradcam"], repetitions=2, noise=0.0),
        scales=[0.5, 1.5],
        resize_method="nearest",
    ),
}
"""The methods by the names of test/integration/methods/python_library.test.ts, which has the same parameters."""

RAW = {"verbose": 0, "postprocessing": None, "resizing": False}
THIN = 3
"""The stride of committed rows and columns, for normalised maps of the large networks in the input's size."""


def units_of(inputs):
    """Returns three of five units for each sample. Samples have different units."""
    rows = [np.random.RandomState(row).permutation(5)[:3] for row in range(len(inputs))]
    return np.stack(rows).astype("int32")


def tiny_maps(model, inputs):
    """Returns the maps of every method for one, three and all units, and of every meta method for three units.

    The batch size is 3.
    """
    exposed = ke.inspection.expose(model)
    units = units_of(inputs)
    arrays = {"inputs": inputs, "units_1": units[:, :1], "units_3": units}
    for label, chosen in {"1": units[:, :1], "3": units, "all": None}.items():
        for name, method in METHODS.items():
            view = model if name == "gradients" else exposed
            logits, maps = ke.explain(method, view, inputs, chosen, batch_size=3, **RAW)
            arrays[f"logits_{label}"] = logits
            arrays[f"{name}_{label}"] = maps
            _, maps = SHORTCUTS[name](view, inputs, chosen, batch_size=3, verbose=0)
            arrays[f"{name}_shortcut_{label}"] = maps
    for name, method in META.items():
        view = model if "gradients" in name else exposed
        arrays[f"{name}_logits_3"], arrays[f"{name}_3"] = ke.explain(
            method, view, inputs, units, batch_size=3, **RAW
        )
    _, arrays["gradients_positive_3"] = ke.explain(
        METHODS["gradients"], model, inputs, units, gradient_filter=tf.nn.relu, **RAW
    )
    return {**arrays, **_tiny_full_gradients(model, inputs, units[:, :1])}


def convolutional_maps(model, inputs):
    """Returns maps for three units of each sample in batches of 2, of logits and of the softmax's probabilities."""
    units = units_of(inputs)
    logits = ke.inspection.expose(model, "features", "logits")
    probabilities = ke.inspection.expose(model, "features", "probabilities")
    arrays = {"inputs": inputs, "units": units, "probabilities": np.asarray(model(inputs))}
    for name, view in {
        "gradients": model,
        "cam": logits,
        "gradcam": logits,
        "gradcampp": probabilities,
        "scorecam": probabilities,
    }.items():
        _, arrays[name] = ke.explain(METHODS[name], view, inputs, units, batch_size=2, **RAW)
        _, arrays[f"{name}_shortcut"] = SHORTCUTS[name](view, inputs, units, batch_size=2, verbose=0)
    _, arrays["tta_gradcam"] = ke.explain(META["tta_gradcam"], logits, inputs, units, batch_size=2, **RAW)
    return arrays


def _tiny_full_gradients(model, inputs, units):
    """Returns full gradients as the library documents (`given`), and corrected: with the twin, by single units."""
    logits = ke.inspection.get_logits_layer(model)
    layers, biases = ke.inspection.layers_with_biases(model, exclude=[logits])
    exposed = ke.inspection.expose(model, layers, logits)
    _, given = ke.explain(
        ke.methods.gradient.full_gradients, exposed, inputs, units, batch_size=3, biases=biases, **RAW
    )
    arrays = {"full_gradients_given_1": given}
    for layer, bias in zip(layers, biases):
        arrays[f"bias/{layer.name}"] = np.asarray(bias)
    every = [np.full_like(units, unit) for unit in range(5)]
    for name, call in {
        "full_gradients": full_gradients,
        "full_gradients_shortcut": full_gradients_shortcut,
    }.items():
        arrays[f"{name}_1"] = call(model, inputs, units)
        arrays[f"{name}_all"] = np.concatenate([call(model, inputs, one) for one in every], axis=-1)
    arrays["full_gradients_signed_1"] = full_gradients(model, inputs, units, psi=lambda t, axis: t)
    return arrays


def network_maps(model, inputs, unit):
    """Returns raw and normalised maps of one large network. Normalised maps in the input's size are thinned out.

    Raw maps in the input's size are for the first sample and `unit`. Raw maps of activations are for all samples and
    units. Normalised maps are for the last sample. Normalised maps of activations show the evidence for `shown_unit`
    and must not be empty.
    """
    exposed = ke.inspection.expose(model)
    first, last = inputs[:1], inputs[-1:]
    one = np.asarray([[unit]], "int32")
    arrays = {}
    for name in ("gradcam", "gradcampp", "cam"):
        if name == "cam" and not has_cam(exposed):
            continue
        arrays["logits"], arrays[name] = ke.explain(METHODS[name], exposed, inputs, **RAW)
        if name == "gradcam":
            speaking = np.ptp(np.maximum(arrays[name][-1], 0), axis=(0, 1)) > 0
            shown = np.asarray([[unit if speaking[unit] else speaking.argmax()]], "int32")
            arrays["shown_unit"] = shown
        _, maps = SHORTCUTS[name](exposed, last, shown, verbose=0)
        arrays[f"{name}_shortcut"] = thin(maps)
    _, arrays["gradients"] = ke.explain(METHODS["gradients"], model, first, one, **RAW)
    _, maps = ke.gradients(model, last, one, verbose=0)
    arrays["gradients_shortcut"] = thin(maps)
    arrays["full_gradients"] = full_gradients(model, first, one)
    arrays["full_gradients_shortcut"] = thin(full_gradients_shortcut(model, last, one))
    return arrays


def thin(maps):
    return maps[:, ::THIN, ::THIN]


def has_cam(exposed):
    """Returns whether the logits' kernel weights the exposed activations. The library fails if the kernel does not."""
    logits, activations = exposed.outputs
    return ke.inspection.get_logits_layer(exposed).kernel.shape[-2] == activations.shape[-1]


def full_gradients(model, inputs, units, **params):
    """Returns the library's `full_gradients` with arguments that correct the library's errors.

    Intermediates are before activations, biases use the layers' own epsilons, and a Normalization layer is included.
    """
    exposed, biases = _corrected(model)
    method = ke.methods.gradient.full_gradients
    return ke.explain(method, exposed, inputs, units, biases=biases, **params, **RAW)[1]


def full_gradients_shortcut(model, inputs, units):
    exposed, biases = _corrected(model)
    return ke.full_gradients(exposed, inputs, units, biases=biases, verbose=0)[1]


def _corrected(model):
    twin = unfused(model)
    layers = [
        layer
        for layer in twin.layers
        if bias_terms.bias_of(layer) is not None and len(layer.output.shape) == len(twin.input.shape)
    ]
    exposed = ke.inspection.expose(twin, layers, ke.inspection.get_logits_layer(twin))
    return exposed, [bias_terms.bias_of(layer) for layer in layers]
