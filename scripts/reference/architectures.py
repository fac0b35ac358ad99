"""The networks of the reference suite, by name. The same code runs in Keras 2.12 and in current Keras."""

from dataclasses import dataclass
from typing import Callable, Tuple

from tensorflow import keras

layers = keras.layers

CLASSES = 6


@dataclass(frozen=True)
class Architecture:
    """Describes how a network is built, fed and exposed."""

    build: Callable
    """Builds the Keras model. The model's output is raw logits, (N, CLASSES)."""
    input_shape: Tuple[int, ...] = (96, 96, 3)
    input_range: Tuple[float, float] = (-1.0, 1.0)
    """The range of inputs: (0, 255) if the network begins with its own rescaling."""
    spatial_axis: Tuple[int, ...] = (-3, -2)
    seed: str = ""
    """A suffix of the seed of the weights, for networks whose weights are badly conditioned without the suffix.
    A ReLU whose input is within rounding error of 0 can have different gradients in two implementations."""
    keras_2_traces: bool = True
    """Whether Keras 2 saves the functions of every layer beside the signature, as by default. Saving them is slow."""
    deep: str = ""
    """A layer far from the output, for a second Grad-CAM whose gradients pass through most of the network."""


def activations_of(model):
    """Returns the input of the last global pooling or Flatten layer whose input has positions."""
    kinds = ("GlobalAverage", "Flatten")
    pooling = [layer for layer in model.layers if type(layer).__name__.startswith(kinds)]
    return [layer.input for layer in pooling if layer.input.shape[1] != 1][-1]


def _application(name, size=96, **options):
    def build():
        return getattr(keras.applications, name)(
            weights=None, input_shape=(size, size, 3), classes=CLASSES, classifier_activation=None, **options
        )

    return build


def tiny():
    """Returns the first network of the committed fixtures: every common kind of layer in a few kilobytes."""
    inputs = layers.Input((16, 16, 3), name="image")
    x = layers.Conv2D(8, 3, padding="same", use_bias=False, name="stem")(inputs)
    x = layers.BatchNormalization(name="stem_bn")(x)
    x = shortcut = layers.ReLU(name="stem_relu")(x)
    x = layers.DepthwiseConv2D(3, padding="same", name="depthwise")(x)
    x = layers.BatchNormalization(name="depthwise_bn")(x)
    x = layers.Activation("swish", name="depthwise_swish")(x)
    x = layers.Add(name="residual")([x, shortcut])
    x = layers.MaxPooling2D(2, name="pool")(x)
    x = layers.Conv2D(12, 3, activation="relu", name="features")(x)
    x = layers.GlobalAveragePooling2D(name="average")(x)
    x = layers.Dropout(0.3, name="dropout")(x)
    return keras.Model(inputs, layers.Dense(5, name="predictions")(x), name="tiny")


def convolutional():
    """Returns the second network of the committed fixtures: any input size, logits of a 1x1 convolution, a softmax."""
    inputs = layers.Input((None, None, 3), name="image")
    x = layers.Conv2D(6, 3, strides=2, padding="same", activation="relu", name="stem")(inputs)
    x = layers.BatchNormalization(scale=False, name="stem_bn")(x)
    x = layers.SeparableConv2D(8, 3, padding="same", activation="relu", name="features")(x)
    x = layers.GlobalAveragePooling2D(keepdims=True, name="average")(x)
    x = layers.Conv2D(5, 1, name="scores")(x)
    x = layers.Flatten(name="logits")(x)
    return keras.Model(inputs, layers.Softmax(name="probabilities")(x), name="convolutional")


def vision_transformer():
    """Returns a transformer: patches, learned positions, two blocks of attention, exact gelu, a grid of tokens."""
    side, width = 6, 48
    inputs = layers.Input((96, 96, 3), name="image")
    x = layers.Conv2D(width, 16, strides=16, name="patches")(inputs)
    x = layers.Reshape((side * side, width), name="tokens")(x)
    x = PositionEmbedding(name="positions")(x)
    for block in range(2):
        y = layers.LayerNormalization(epsilon=1e-6, name=f"block{block}_norm1")(x)
        y = layers.MultiHeadAttention(4, width // 4, name=f"block{block}_attention")(y, y)
        x = layers.Add(name=f"block{block}_add1")([x, y])
        y = layers.LayerNormalization(epsilon=1e-6, name=f"block{block}_norm2")(x)
        y = layers.Dense(2 * width, activation="gelu", name=f"block{block}_expand")(y)
        y = layers.Dense(width, name=f"block{block}_reduce")(y)
        x = layers.Add(name=f"block{block}_add2")([x, y])
    x = layers.LayerNormalization(epsilon=1e-6, name="norm")(x)
    x = layers.Reshape((side, side, width), name="grid")(x)
    x = layers.GlobalAveragePooling2D(name="average")(x)
    return keras.Model(inputs, layers.Dense(CLASSES, name="predictions")(x), name="vision_transformer")


class PositionEmbedding(layers.Layer):
    """Adds a learned vector to every token."""

    def build(self, shape):
        self.embeddings = self.add_weight(name="embeddings", shape=(1, shape[1], shape[2]))

    def call(self, tokens):
        return tokens + self.embeddings


def volumes():
    """Returns a network over volumes, with three spatial axes.

    TensorFlow's eager kernel of MaxPool3D's gradient treats elements that differ by less than 1e-5 as equal, and
    gives each the whole gradient. oneDNN's kernel, in a graph, does not. The network therefore pools large numbers,
    before any ReLU.
    """
    inputs = layers.Input((16, 24, 20, 2), name="volume")
    x = layers.Conv3D(8, 3, padding="same", use_bias=False, name="conv1")(inputs)
    x = layers.MaxPooling3D(2, name="pool1")(x)
    x = layers.BatchNormalization(name="conv1_bn")(x)
    x = layers.ReLU(name="conv1_relu")(x)
    x = layers.Conv3D(12, 3, strides=(1, 2, 1), padding="same", name="conv2")(x)
    x = layers.Activation("swish", name="conv2_swish")(x)
    x = layers.AveragePooling3D((2, 1, 1), name="pool2")(x)
    x = layers.Conv3D(16, (1, 3, 3), activation="relu", name="conv3")(x)
    x = layers.GlobalAveragePooling3D(name="average")(x)
    return keras.Model(inputs, layers.Dense(CLASSES, name="predictions")(x), name="volumes")


SMALL = {
    "tiny": Architecture(tiny, input_shape=(16, 16, 3)),
    "convolutional": Architecture(convolutional, input_shape=(20, 12, 3)),
}
"""The networks of the committed fixtures."""

SHARED = {
    "VGG16": Architecture(_application("VGG16"), deep="block3_pool"),
    "ResNet50V2": Architecture(_application("ResNet50V2"), deep="conv3_block4_out"),
    "MobileNetV2": Architecture(_application("MobileNetV2"), deep="block_6_expand_relu"),
    "DenseNet121": Architecture(_application("DenseNet121"), deep="pool3_conv", keras_2_traces=False),
    "Xception": Architecture(_application("Xception"), deep="block4_sepconv1_act"),
    "EfficientNetB0": Architecture(
        _application("EfficientNetB0"), input_range=(0.0, 255.0), deep="block4a_expand_activation"
    ),
    "InceptionV3": Architecture(
        # With 96x96 inputs, the last activations would have a single position.
        _application("InceptionV3", size=112),
        input_shape=(112, 112, 3),
        seed="6",
        deep="mixed4",
        keras_2_traces=False,
    ),
    "NASNetMobile": Architecture(
        _application("NASNetMobile"), seed="4", deep="normal_conv_1_5", keras_2_traces=False
    ),
}
"""The networks that both Keras versions build."""

CURRENT_KERAS = {
    "EfficientNetV2B0": Architecture(
        _application("EfficientNetV2B0"), input_range=(0.0, 255.0), deep="block4a_expand_activation"
    ),
    "ConvNeXtTiny": Architecture(
        _application("ConvNeXtTiny"),
        input_range=(0.0, 255.0),
        deep="convnext_tiny_stage_1_block_2_pointwise_conv_2",
    ),
    "MobileNetV3Small": Architecture(
        _application("MobileNetV3Small"),
        input_range=(0.0, 255.0),
        deep="expanded_conv_3_expand",
    ),
    "VisionTransformer": Architecture(vision_transformer, deep="patches"),
    "Volumes": Architecture(
        volumes,
        input_shape=(16, 24, 20, 2),
        input_range=(-500.0, 500.0),
        spatial_axis=(-4, -3, -2),
        deep="conv1",
    ),
}
"""The networks that only current Keras builds, because Keras 2.12 lacks the network or the export path."""
