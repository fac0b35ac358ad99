"""The Python library keras-explainable as a peer. bench/peers/peer.mjs describes the questions."""

from answer import answer, noise, units_of

import tensorflow as tf  # isort: skip

import keras_explainable as ke  # isort: skip

EXPOSED = ("gradcam", "scorecam")

models = {}


def model_of(path):
    if path not in models:
        models[path] = tf.keras.models.load_model(path, compile=False)
    return models[path]


def open_job(job):
    model = model_of(job["model"])
    # Each job has its own view. The library stores the compiled function in the model: one function for all methods.
    view = ke.inspection.expose(model) if job["method"] in EXPOSED else tf.keras.Model(model.inputs, model.outputs)
    samples = job["samples"]
    x = noise((samples, *model.input.shape[1:]))
    units = units_of(model.output.shape[-1], samples, job.get("units", 1))

    def run(rows):
        # `force=False` reuses the compiled function. The library's default compiles at every call.
        options = {"batch_size": job["batchSize"], "verbose": 0, "force": job.get("force", False)}
        return getattr(ke, job["method"])(view, x[:rows], units[:rows], **options)[1]

    return run


answer(open_job)
