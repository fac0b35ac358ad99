"""The Python library keras-explainable as a peer. bench/peers/peer.mjs describes the questions."""

import base64
import json
import os
import sys
import time

# The answers have their own stream, because libraries print to stdout.
answers = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

import keras_explainable as ke  # noqa: E402

EXPOSED = ("gradcam", "scorecam")
CHECKED = 8
"""The number of samples whose maps are compared."""

jobs = {}
models = {}


def model_of(path):
    if path not in models:
        models[path] = tf.keras.models.load_model(path, compile=False)
    return models[path]


def noise(model, samples):
    """Returns the same values as bench/models.mjs."""
    shape = (samples, *model.input.shape[1:])
    return (np.sin(np.arange(np.prod(shape), dtype="float64")) * 2).astype("float32").reshape(shape)


def open_job(key, job):
    model = model_of(job["model"])
    # Each job has its own view. The library stores the compiled function in the model: one function for all methods.
    view = ke.inspection.expose(model) if job["method"] in EXPOSED else tf.keras.Model(model.inputs, model.outputs)
    samples, count = job["samples"], job.get("units", 1)
    classes = model.output.shape[-1]
    units = (np.arange(samples)[:, None] * count + np.arange(count)) % classes
    jobs[key] = (job, view, noise(model, samples), units.astype("int32"))
    return {}


def run(key, rows=None):
    job, view, x, units = jobs[key]
    # `force=False` reuses the compiled function. The library's default compiles at every call.
    options = {"batch_size": job["batchSize"], "verbose": 0, "force": job.get("force", False)}
    return getattr(ke, job["method"])(view, x[:rows], units[:rows], **options)[1]


def maps(key):
    values = np.ascontiguousarray(run(key, CHECKED), "<f4")
    return {"shape": values.shape, "data": base64.b64encode(values).decode()}


def measure(key):
    begun = time.perf_counter()
    run(key)
    return {"seconds": time.perf_counter() - begun}


def memory():
    """Returns the peak memory of this program. `ru_maxrss` would include the parent's memory before exec."""
    with open("/proc/self/status") as status:
        [peak] = [line.split()[1] for line in status if line.startswith("VmHWM:")]
    return {"bytes": int(peak) * 1024}


DOES = {"open": open_job, "maps": maps, "measure": measure, "memory": memory}

for line in sys.stdin:
    question = json.loads(line)
    try:
        answer = DOES[question.pop("do")](**question)
    except Exception as error:  # The row fails, and the peer continues.
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), file=answers)
