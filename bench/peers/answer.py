"""The question loop of peers that are written in Python. bench/peers/peer.mjs describes the questions."""

import base64
import json
import os
import sys
import time

# The answers have their own stream, because libraries print to stdout. Import this module before such a library.
_answers = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)

import numpy as np  # noqa: E402

CHECKED = 8
"""The number of samples whose maps are compared."""


def noise(shape):
    """Returns the same values as bench/models.mjs."""
    return (np.sin(np.arange(np.prod(shape), dtype="float64")) * 2).astype("float32").reshape(shape)


def units_of(classes, samples, count):
    """Returns the same units as bench/models.mjs: `count` units for each sample."""
    return ((np.arange(samples)[:, None] * count + np.arange(count)) % classes).astype("int32")


def _memory():
    """Returns the peak memory of this program. `ru_maxrss` would include the parent's memory before exec."""
    with open("/proc/self/status") as status:
        [peak] = [line.split()[1] for line in status if line.startswith("VmHWM:")]
    return {"bytes": int(peak) * 1024}


def answer(open_job):
    """Answers questions until the standard input ends.

    `open_job(job)` returns a function that runs the job for its first `rows` samples (None: all) and returns the maps.
    """
    jobs = {}

    def open_(key, job):
        jobs[key] = open_job(job)
        return {}

    def maps(key):
        values = np.ascontiguousarray(jobs[key](CHECKED), "<f4")
        return {"shape": values.shape, "data": base64.b64encode(values).decode()}

    def measure(key):
        begun = time.perf_counter()
        jobs[key](None)
        return {"seconds": time.perf_counter() - begun}

    does = {"open": open_, "maps": maps, "measure": measure, "memory": _memory}
    for line in sys.stdin:
        question = json.loads(line)
        try:
            answered = does[question.pop("do")](**question)
        except Exception as error:  # The row fails, and the peer continues.
            answered = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answered), file=_answers)
