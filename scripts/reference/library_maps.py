"""What the Python library keras-explainable gives, as `make_fixtures.py` commits it. Keras 2 only."""

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
"""Named as in test/integration/methods/python_library.test.ts, which has the same parameters."""

RAW = {"verbose": 0, "postprocessing": None, "resizing": False}
THIN = 3
"""Of the large networks' normalised maps, in the size of the input, every third row and column is committed."""


def units_of(inputs):
    """Three of five units for each sample, no two samples alike."""
    rows = [np.random.RandomState(row).permutation(5)[:3] for row in range(len(inputs))]
    return np.stack(rows).astype("int32")


def tiny_maps(model, inputs):
    """Every method for one, three and all units, and every meta method for three, in batches of 3."""
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
    """Three units for each sample, in batches of 2: of the logits, and of the probabilities after the softmax."""
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
    """As the library is documented (`given`), and corrected: with the twin, for every unit by itself."""
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
    """One large network: raw and normalised maps, thinned out where they have the size of the input.

    Raw maps of inputs are those of the first sample and `unit`, of activations all. Normalised ones are the last
    sample's: those of activations, for `shown_unit`, are what speaks for it, and must not be nothing.
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
    """Whether the logits' kernel weighs the exposed activations; the library fails where it does not."""
    logits, activations = exposed.outputs
    return ke.inspection.get_logits_layer(exposed).kernel.shape[-2] == activations.shape[-1]


def full_gradients(model, inputs, units, **params):
    """The library's `full_gradients` with what it gets wrong put right by its own arguments.

    Intermediates lie before activations, biases have the layers' own epsilons, a Normalization layer takes part.
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
