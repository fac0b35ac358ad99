"""The cases of `npm run test:layers`: every Keras layer class that computes at inference, with its options.

`cases()` yields (class, options, input shape without the batch, input kind, layers as a function of the input). A class
that the running version of Keras does not have is left out. The input kinds are "normal" (standard normal values),
"picture" (0 to 1), "ids" (integers 0 to 6) and "texts" (strings).
"""

import numpy as np
from tensorflow import keras

L = keras.layers
KERAS_3 = keras.__version__[0] == "3"

VECTOR, SEQUENCE, ANY_SEQUENCE = (5,), (6, 4), (None, 4)
PICTURE, ANY_PICTURE, VOLUME, FRAMES = (8, 8, 3), (None, None, 3), (4, 6, 6, 2), (3, 6, 6, 2)
OF_RANK = {1: SEQUENCE, 2: PICTURE, 3: VOLUME}

ACTIVATIONS = (
    *("elu", "exponential", "gelu", "hard_sigmoid", "linear", "mish", "relu", "relu6", "leaky_relu", "log_softmax"),
    *("selu", "sigmoid", "silu", "swish", "softmax", "softplus", "softsign", "tanh", "celu", "glu", "hard_shrink"),
    *("hard_silu", "hard_tanh", "log_sigmoid", "soft_shrink", "sparse_plus", "sparsemax", "squareplus", "tanh_shrink"),
    *("threshold",),
)


def _convolutions():
    for rank in (1, 2, 3):
        name, shape = f"Conv{rank}D", OF_RANK[rank]
        yield name, {}, shape
        yield name, {"padding": "same", "activation": "relu"}, shape
        yield name, {"strides": 2, "padding": "same", "use_bias": False}, shape
        yield name, {"strides": 2, "padding": "valid"}, shape
        yield name, {"dilation_rate": 2}, {1: SEQUENCE, 2: PICTURE, 3: (6, 6, 6, 2)}[rank]
        yield name, {"groups": 2, "padding": "same", "filters": 4}, {1: SEQUENCE, 2: (8, 8, 4), 3: VOLUME}[rank]
        yield f"{name}Transpose", {}, shape
        yield f"{name}Transpose", {"strides": 2, "padding": "same"}, shape
        yield f"{name}Transpose", {"strides": 2, "padding": "valid"}, shape
    yield "Conv1D", {"padding": "causal"}, SEQUENCE
    yield "Conv2D", {"padding": "same"}, ANY_PICTURE
    yield "Conv2D", {"strides": (1, 2)}, PICTURE
    yield "Conv2DTranspose", {"strides": 3, "padding": "valid", "output_padding": 1}, PICTURE
    yield "Conv2DTranspose", {"strides": 2, "padding": "same"}, ANY_PICTURE
    for rank in (1, 2):
        shape = OF_RANK[rank]
        for name in (f"SeparableConv{rank}D", f"DepthwiseConv{rank}D"):
            yield name, {}, shape
            yield name, {"padding": "same", "strides": 2, "depth_multiplier": 2}, shape
            yield name, {"dilation_rate": 2}, shape
        yield f"LocallyConnected{rank}D", {}, shape


def _convolution_arguments(name, options):
    arguments = dict(options)
    if not name.startswith("Depthwise"):
        arguments.setdefault("filters", 4)
    return {"kernel_size": 2 if "3D" in name else 3, **arguments}


def _poolings():
    for rank in (1, 2, 3):
        shape = OF_RANK[rank]
        for kind in ("Average", "Max"):
            yield f"{kind}Pooling{rank}D", {}, shape
            yield f"{kind}Pooling{rank}D", {"pool_size": 3 if rank < 3 else 2, "strides": 2, "padding": "same"}, shape
            yield f"{kind}Pooling{rank}D", {"pool_size": 2, "strides": 1}, shape
            yield f"Global{kind}Pooling{rank}D", {}, shape
            yield f"Global{kind}Pooling{rank}D", {"keepdims": True}, shape
            yield f"Adaptive{kind}Pooling{rank}D", {"output_size": 2}, shape
        yield f"UpSampling{rank}D", {"size": 2}, shape
        yield f"ZeroPadding{rank}D", {"padding": 1}, shape
        yield f"Cropping{rank}D", {"cropping": 1}, shape
    for interpolation in ("bilinear", "bicubic", "lanczos3", "lanczos5"):
        yield "UpSampling2D", {"size": 2, "interpolation": interpolation}, PICTURE


def _shapes_and_values():
    yield "Flatten", {}, PICTURE
    yield "Reshape", {"target_shape": (8, 24)}, PICTURE
    yield "Reshape", {"target_shape": (-1, 3)}, PICTURE
    yield "Permute", {"dims": (2, 1, 3)}, PICTURE
    yield "RepeatVector", {"n": 3}, VECTOR
    yield "Identity", {}, PICTURE
    yield "Rescaling", {"scale": 1 / 127.5, "offset": -1}, PICTURE
    yield "Normalization", {"mean": [0.4, 0.5, 0.6], "variance": [0.1, 0.2, 0.3]}, PICTURE
    yield "UnitNormalization", {}, VECTOR
    yield "BatchNormalization", {}, PICTURE
    yield "BatchNormalization", {"scale": False, "epsilon": 0.01}, SEQUENCE
    yield "BatchNormalization", {"center": False}, VOLUME
    yield "LayerNormalization", {}, SEQUENCE
    yield "LayerNormalization", {"axis": [1, 2, 3], "epsilon": 1e-6}, PICTURE
    yield "GroupNormalization", {"groups": 2}, (8, 8, 4)
    yield "RMSNormalization", {}, SEQUENCE
    for name in ("Dropout", "GaussianDropout", "GaussianNoise", "AlphaDropout"):
        yield name, {"stddev" if name == "GaussianNoise" else "rate": 0.3}, SEQUENCE
    for rank in (1, 2, 3):
        yield f"SpatialDropout{rank}D", {"rate": 0.3}, OF_RANK[rank]
    yield "ActivityRegularization", {"l2": 0.1}, SEQUENCE
    yield "ReLU", {}, PICTURE
    yield "ReLU", {"max_value": 1.0, "negative_slope": 0.1, "threshold": 0.2}, PICTURE
    yield "LeakyReLU", {}, PICTURE
    yield "PReLU", {}, PICTURE
    yield "PReLU", {"shared_axes": [1, 2]}, PICTURE
    yield "ELU", {}, PICTURE
    yield "ThresholdedReLU", {"theta": 0.3}, PICTURE
    yield "Softmax", {}, SEQUENCE
    yield "Softmax", {"axis": [1, 2]}, SEQUENCE
    yield "EinsumDense", {"equation": "abc,cd->abd", "output_shape": (None, 3), "bias_axes": "d"}, SEQUENCE
    yield "Dense", {"units": 4}, VECTOR
    yield "Dense", {"units": 4, "use_bias": False}, SEQUENCE
    yield "Dense", {"units": 4, "activation": "relu"}, PICTURE


def _pictures():
    yield "CenterCrop", {"height": 5, "width": 6}, PICTURE
    yield "CenterCrop", {"height": 10, "width": 12}, PICTURE
    yield "CenterCrop", {"height": 5, "width": 6}, ANY_PICTURE
    kernels = ("lanczos3", "lanczos5", "gaussian", "mitchellcubic")
    for interpolation in ("bilinear", "nearest", "bicubic", "area", *kernels):
        yield "Resizing", {"height": 5, "width": 12, "interpolation": interpolation}, PICTURE
    yield "Resizing", {"height": 5, "width": 12, "crop_to_aspect_ratio": True}, PICTURE
    yield "Resizing", {"height": 5, "width": 12, "pad_to_aspect_ratio": True}, PICTURE
    yield "Resizing", {"height": 5, "width": 7, "antialias": True}, PICTURE
    yield "Resizing", {"height": 5, "width": 7}, ANY_PICTURE
    if KERAS_3:
        yield "Solarization", {"value_range": (0, 1)}, PICTURE
        yield "AutoContrast", {"value_range": (0, 1)}, PICTURE
        yield "Equalization", {"value_range": (0, 1)}, PICTURE
    # Augmentations: nothing but the identity, or a crop, at inference.
    yield "RandomCrop", {"height": 6, "width": 6}, PICTURE
    yield "RandomFlip", {}, PICTURE
    for name in ("RandomRotation", "RandomZoom", "RandomContrast", "RandomBrightness", "RandomHeight", "RandomWidth"):
        yield name, {"factor": 0.2}, PICTURE
    yield "RandomTranslation", {"height_factor": 0.2, "width_factor": 0.2}, PICTURE


def _recurrent():
    for name in ("LSTM", "GRU", "SimpleRNN"):
        for options in (
            {},
            {"return_sequences": True},
            {"go_backwards": True, "return_sequences": True},
            {"unroll": True},
            {"activation": "relu", "use_bias": False},
            {"dropout": 0.2, "recurrent_dropout": 0.2},
        ):
            yield name, options, SEQUENCE
        yield name, {}, ANY_SEQUENCE
    yield "GRU", {"reset_after": False}, SEQUENCE
    yield "LSTM", {"recurrent_activation": "hard_sigmoid"}, SEQUENCE


def _composed():
    """Yields classes that call other layers, or have several inputs."""
    for name in ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate"):
        yield name, "", PICTURE, lambda x, name=name: getattr(L, name)()([x, L.Conv2D(3, 1)(x)])
    yield "Concatenate", "axis=1", SEQUENCE, lambda x: L.Concatenate(axis=1)([x, L.Dense(4)(x)])
    yield "Dot", "axes=2", SEQUENCE, lambda x: L.Dot(axes=2)([x, L.Dense(4)(x)])
    yield "Dot", "axes=1, normalize", VECTOR, lambda x: L.Dot(axes=1, normalize=True)([x, L.Dense(5)(x)])
    for name in ACTIVATIONS:
        if hasattr(keras.activations, name):
            yield "Activation", name, SEQUENCE, lambda x, name=name: L.Activation(name)(x)
    yield "Attention", "", SEQUENCE, lambda x: L.Attention()([x, L.Dense(4)(x)])
    yield "Attention", "use_scale", SEQUENCE, lambda x: L.Attention(use_scale=True)([x, x])
    yield "Attention", "concat", SEQUENCE, lambda x: L.Attention(score_mode="concat")([x, x])
    yield "Attention", "causal", SEQUENCE, lambda x: L.Attention()([x, x], use_causal_mask=True)
    yield "AdditiveAttention", "", SEQUENCE, lambda x: L.AdditiveAttention()([x, L.Dense(4)(x)])
    yield "MultiHeadAttention", "", SEQUENCE, lambda x: L.MultiHeadAttention(2, 3)(x, x)
    yield "MultiHeadAttention", "causal", SEQUENCE, lambda x: L.MultiHeadAttention(2, 3)(x, x, use_causal_mask=True)
    yield "MultiHeadAttention", "cross", SEQUENCE, lambda x: L.MultiHeadAttention(2, 3, value_dim=2)(x, L.Dense(5)(x))
    if hasattr(L, "GroupQueryAttention"):
        yield "GroupQueryAttention", "", SEQUENCE, lambda x: L.GroupQueryAttention(3, 4, 2)(x, x)
    yield "Bidirectional", "LSTM", SEQUENCE, lambda x: L.Bidirectional(L.LSTM(3))(x)
    yield "Bidirectional", "GRU, sum", SEQUENCE, lambda x: L.Bidirectional(L.GRU(3), merge_mode="sum")(x)
    yield "RNN", "LSTMCell", SEQUENCE, lambda x: L.RNN(L.LSTMCell(3))(x)
    yield "RNN", "GRUCell", SEQUENCE, lambda x: L.RNN(L.GRUCell(3), return_sequences=True)(x)
    yield "RNN", "SimpleRNNCell", SEQUENCE, lambda x: L.RNN(L.SimpleRNNCell(3))(x)
    yield "StackedRNNCells", "", SEQUENCE, lambda x: L.RNN(L.StackedRNNCells([L.LSTMCell(3), L.LSTMCell(2)]))(x)
    yield "LSTM", "return_state", SEQUENCE, lambda x: L.Concatenate()(L.LSTM(3, return_state=True)(x))
    yield "ConvLSTM1D", "", (3, 6, 2), lambda x: L.ConvLSTM1D(3, 3)(x)
    yield "ConvLSTM2D", "", FRAMES, lambda x: L.ConvLSTM2D(3, 3, padding="same", return_sequences=True)(x)
    yield "ConvLSTM3D", "", (2, 4, 4, 4, 1), lambda x: L.ConvLSTM3D(2, 2)(x)
    yield "TimeDistributed", "Conv2D", FRAMES, lambda x: L.TimeDistributed(L.Conv2D(3, 3))(x)
    yield "TimeDistributed", "Dense", SEQUENCE, lambda x: L.TimeDistributed(L.Dense(3))(x)
    yield "Masking", "LSTM", SEQUENCE, lambda x: L.LSTM(3)(L.Masking(mask_value=0.0)(x))
    yield "Masking", "pooling", SEQUENCE, lambda x: L.GlobalAveragePooling1D()(L.Masking(mask_value=0.0)(x))
    yield "Lambda", "", SEQUENCE, lambda x: L.Lambda(lambda v: v * v + 1.0, output_shape=SEQUENCE)(x)
    # The mean over the positions of a normalised channel is constant.
    if hasattr(L, "GroupNormalization"):
        yield "GroupNormalization", "groups=-1, ReLU", PICTURE, lambda x: L.ReLU()(L.GroupNormalization(groups=-1)(x))
    if hasattr(L, "SpectralNormalization"):
        yield "SpectralNormalization", "Conv2D", PICTURE, lambda x: L.SpectralNormalization(L.Conv2D(4, 3))(x)
    if hasattr(L, "MelSpectrogram"):
        yield "STFTSpectrogram", "", (64, 1), lambda x: L.STFTSpectrogram("magnitude", 16, 8, 16)(x)
        mel = {"fft_length": 32, "sequence_stride": 8, "sampling_rate": 64, "num_mel_bins": 4, "max_freq": 30}
        yield "MelSpectrogram", "", (64,), lambda x: L.MelSpectrogram(**mel)(x)


def _discrete():
    """Yields classes whose inputs are integers or texts, and classes whose outputs are."""
    vocabulary = np.array([1, 2, 3, 4])
    yield "Embedding", "", (6,), "ids", lambda x: L.Embedding(8, 4)(x)
    yield "Embedding", "mask_zero, LSTM", (6,), "ids", lambda x: L.LSTM(3)(L.Embedding(8, 4, mask_zero=True)(x))
    if hasattr(L, "ReversibleEmbedding"):
        yield "ReversibleEmbedding", "", (6,), "ids", lambda x: L.ReversibleEmbedding(8, 4)(x)
    for mode in ("one_hot", "multi_hot", "count"):
        yield "CategoryEncoding", mode, (6,) if mode != "one_hot" else (1,), "ids", (
            lambda x, mode=mode: L.CategoryEncoding(num_tokens=8, output_mode=mode)(x)
        )
    for mode in ("int", "one_hot", "multi_hot"):
        yield "IntegerLookup", mode, (1,), "ids", (
            lambda x, mode=mode: L.IntegerLookup(vocabulary=vocabulary, output_mode=mode)(x)
        )
    yield "Discretization", "", VECTOR, "normal", lambda x: L.Discretization(bin_boundaries=[-0.5, 0.0, 0.5])(x)
    yield "Hashing", "", (1,), "ids", lambda x: L.Hashing(num_bins=5)(x)
    yield "Hashing", "texts", (1,), "texts", lambda x: L.Hashing(num_bins=5)(x)
    yield "HashedCrossing", "", (1,), "ids", lambda x: L.HashedCrossing(num_bins=5)((x, x))
    yield "StringLookup", "", (1,), "texts", lambda x: L.StringLookup(vocabulary=["a", "b"])(x)
    yield "StringLookup", "one_hot", (1,), "texts", (
        lambda x: L.StringLookup(vocabulary=["a", "b"], output_mode="one_hot")(x)
    )
    yield "TextVectorization", "", (1,), "texts", (
        lambda x: L.TextVectorization(vocabulary=["a", "b"], output_sequence_length=4)(x)
    )
    for mode in ("multi_hot", "count"):
        yield "StringLookup", mode, (2,), "texts", (
            lambda x, mode=mode: L.StringLookup(vocabulary=["a", "b"], num_oov_indices=2, output_mode=mode)(x)
        )
    for mode in ("multi_hot", "count"):
        yield "TextVectorization", mode, (1,), "texts", (
            lambda x, mode=mode: L.TextVectorization(vocabulary=["a", "b"], output_mode=mode)(x)
        )
    yield "TextVectorization", "ngrams", (1,), "texts", (
        lambda x: L.TextVectorization(vocabulary=["a", "b", "b b"], ngrams=2, output_sequence_length=5)(x)
    )


def _text(options):
    return ", ".join(f"{key}={value}" for key, value in options.items())


def cases():
    """Yields (class, options as text, input shape, input kind, function of the input)."""
    for name, options, shape in _convolutions():
        arguments = _convolution_arguments(name, options)
        yield name, _text(options), shape, "normal", lambda x, n=name, a=arguments: getattr(L, n)(**a)(x)
    for kind, source in (("normal", _poolings), ("normal", _shapes_and_values), ("picture", _pictures)):
        for name, options, shape in source():
            yield name, _text(options), shape, kind, lambda x, n=name, o=options: getattr(L, n)(**o)(x)
    for name, options, shape in _recurrent():
        text = _text(options) + (" (any length)" if shape == ANY_SEQUENCE else "")
        yield name, text.strip(), shape, "normal", lambda x, n=name, o=options: getattr(L, n)(3, **o)(x)
    for name, options, shape, function in _composed():
        yield name, options, shape, "normal", function
    yield from _discrete()
