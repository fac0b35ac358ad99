"""Makes the demo: the pictures, their boxes, and the explained network.

    python3.11 -m venv .venv
    .venv/bin/pip install tensorflow-cpu==2.21.0 keras==3.15.0 scikit-learn==1.9.1 scikit-image==0.26.0
    .venv/bin/python demo/make_demo.py              # writes demo/model, demo/images, demo/*.json
    .venv/bin/python demo/make_demo.py --pictures   # writes only the pictures and boxes

A picture is a 96x96 crop of a real photograph with a real handwritten digit (8x8 pixels, enlarged) at a random
place, in a random size, colour and slant. The place of the evidence for the class is therefore known. Nothing is
downloaded: the wheels of scikit-learn and scikit-image include the digits and photographs.

The training and test data share neither a handwriting sample nor a part of a photograph. A fifth of the digits and the
left-hand 44 % of every photograph are held out. Training takes about ten minutes on two CPU cores. Every random number
comes from a fixed seed. The sums of TensorFlow's threads differ between machines in their last bits, so the weights of
another machine are close to the committed weights, but not equal.
"""

import argparse
import json
import os
import pathlib
import shutil

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import numpy as np
import PIL.Image
import skimage.data
import skimage.transform
from sklearn.datasets import load_digits, load_sample_images
from sklearn.model_selection import train_test_split

HERE = pathlib.Path(__file__).resolve().parent
SEED = 20240607
SIZE = 96
EPOCHS = 14
PICTURES_PER_EPOCH = 8192
BATCH = 32
TEST_PICTURES = 2000
DEMO_PICTURES = 30
# The fraction of a photograph's width that is held out, and the beginning of the part for training.
TEST_UNTIL, TRAIN_FROM = 0.44, 0.45


def photographs() -> list[np.ndarray]:
    """Returns the RGB photographs of the two wheels (sources and licenses: demo/README.md)."""
    return [
        *load_sample_images().images,
        skimage.data.coffee(),
        skimage.data.chelsea(),
        skimage.data.rocket(),
    ]


def background(rng: np.random.Generator, photo: np.ndarray) -> np.ndarray:
    """Returns a square crop of `photo`, (SIZE, SIZE, 3) in [0, 1]."""
    height, width, _ = photo.shape
    side = int(rng.integers(SIZE, min(height, width, 240) + 1))
    y, x = rng.integers(0, height - side + 1), rng.integers(0, width - side + 1)
    crop = photo[y : y + side, x : x + side].astype(np.float32) / 255
    crop = skimage.transform.resize(crop, (SIZE, SIZE), order=1, anti_aliasing=side > SIZE)
    if rng.random() < 0.5:
        crop = crop[:, ::-1]
    return np.clip(crop * rng.uniform(0.75, 1.1), 0, 1)


def stroke(rng: np.random.Generator, digit: np.ndarray) -> np.ndarray:
    """Returns the opacity of an enlarged digit, (side, side) in [0, 1]: bicubic, then sharpened to an even stroke."""
    side = int(rng.integers(36, 57))
    alpha = skimage.transform.resize(np.pad(digit / 16, 1), (side, side), order=3)
    alpha = skimage.transform.rotate(alpha, rng.uniform(-12, 12), order=1)
    alpha = np.clip((alpha - 0.36) / 0.3, 0, 1)
    return alpha * alpha * (3 - 2 * alpha)


def picture(rng: np.random.Generator, digit: np.ndarray, photo: np.ndarray) -> tuple[np.ndarray, list[int]]:
    """Returns a uint8 RGB picture and the digit's box [x0, y0, x1, y1] in pixels, x1 and y1 exclusive."""
    canvas = background(rng, photo)
    alpha = stroke(rng, digit)
    rows, columns = np.where(alpha.max(1) > 0.5)[0], np.where(alpha.max(0) > 0.5)[0]
    alpha = alpha[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    height, width = alpha.shape
    y, x = int(rng.integers(1, SIZE - height)), int(rng.integers(1, SIZE - width))
    patch = canvas[y : y + height, x : x + width]

    # A light stroke on dark ground or a dark stroke on light ground, of any hue: brightness alone shows no digit.
    ground = float(patch.mean())
    light = ground < 0.5
    colour = rng.uniform(0.75, 1, 3) if light else rng.uniform(0, 0.25, 3)
    colour[rng.integers(3)] = 1 if light else 0
    alpha = (alpha * rng.uniform(0.85, 1))[..., None]
    canvas[y : y + height, x : x + width] = patch * (1 - alpha) + colour * alpha
    return np.round(canvas * 255).astype(np.uint8), [x, y, x + width, y + height]


class Data:
    """Makes pictures from one side of the split."""

    def __init__(self, train: bool):
        digits = load_digits()
        samples = train_test_split(
            digits.images, digits.target, test_size=0.2, random_state=SEED, stratify=digits.target
        )
        self.images, self.labels = (samples[0], samples[2]) if train else (samples[1], samples[3])
        self.photos = [
            photo[:, int(photo.shape[1] * TRAIN_FROM) :] if train else photo[:, : int(photo.shape[1] * TEST_UNTIL)]
            for photo in photographs()
        ]

    def draw(
        self, count: int, seed: int, in_turn: bool = False
    ) -> tuple[np.ndarray, np.ndarray, list[list[int]]]:
        """Returns pictures, labels and boxes of random digits, or of 0 to 9 in turn."""
        rng = np.random.default_rng(seed)
        pictures, labels, boxes = [], [], []
        for i in range(count):
            index = rng.choice(np.where(self.labels == i % 10)[0]) if in_turn else rng.integers(len(self.images))
            made, box = picture(rng, self.images[index], self.photos[rng.integers(len(self.photos))])
            pictures.append(made)
            labels.append(self.labels[index])
            boxes.append(box)
        return np.stack(pictures), np.array(labels), boxes


def network():
    """Returns the network: pixels 0..255 in, ten logits out. The last convolution has 12x12 positions."""
    import keras
    from keras import layers

    def block(x, filters, kernel, strides, name):
        x = layers.Conv2D(filters, kernel, strides, "same", use_bias=False, name=f"{name}_conv")(x)
        x = layers.BatchNormalization(name=f"{name}_bn")(x)
        return layers.ReLU(name=f"{name}_relu")(x)

    inputs = keras.Input((SIZE, SIZE, 3), name="picture")
    x = layers.Rescaling(1 / 127.5, -1, name="rescale")(inputs)
    x = block(x, 16, 5, 2, "block1")
    x = block(x, 32, 3, 2, "block2")
    x = block(x, 48, 3, 1, "block3")
    x = block(x, 96, 3, 2, "block4")
    x = block(x, 96, 3, 1, "block5")
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(inputs, layers.Dense(10, name="logits")(x), name="digits")


def train():
    import keras

    keras.utils.set_random_seed(SEED)
    model = network()
    steps = EPOCHS * PICTURES_PER_EPOCH // BATCH
    model.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(2e-3, steps)),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    data = Data(train=True)
    for epoch in range(EPOCHS):
        pictures, labels, _ = data.draw(PICTURES_PER_EPOCH, SEED + 1 + epoch)
        history = model.fit(pictures.astype(np.float32), labels, BATCH, epochs=1, verbose=0)
        print(f"epoch {epoch + 1}/{EPOCHS}", {k: round(v[0], 4) for k, v in history.history.items()}, flush=True)

    pictures, labels, _ = Data(train=False).draw(TEST_PICTURES, SEED)
    loss, accuracy = model.evaluate(pictures.astype(np.float32), labels, BATCH, verbose=0)
    print(f"held-out accuracy {accuracy:.4f} on {TEST_PICTURES} pictures, loss {loss:.4f}")

    shutil.rmtree(HERE / "model", ignore_errors=True)
    model.export(HERE / "model", verbose=False)
    return model


def write_pictures() -> tuple[np.ndarray, np.ndarray]:
    pictures, labels, boxes = Data(train=False).draw(DEMO_PICTURES, SEED - 1, in_turn=True)
    shutil.rmtree(HERE / "images", ignore_errors=True)
    (HERE / "images").mkdir()
    entries = {}
    for i, (pixels, label, box) in enumerate(zip(pictures, labels, boxes)):
        # Every third picture is a JPEG, so that the demo shows both decoders.
        name = f"{i + 1:02d}-digit-{label}.{'jpg' if i % 3 == 2 else 'png'}"
        options = {"quality": 92} if name.endswith("jpg") else {"optimize": True}
        PIL.Image.fromarray(pixels).save(HERE / "images" / name, **options)
        entries[name] = box
    lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(box)}" for name, box in entries.items())
    (HERE / "boxes.json").write_text(f"{{\n{lines}\n}}\n")
    (HERE / "labels.txt").write_text("".join(f"{name}\n" for name in load_digits().target_names))
    return pictures, labels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--pictures", action="store_true", help="make the pictures only, keep the network")
    only_pictures = parser.parse_args().pictures
    pictures, labels = write_pictures()
    if not only_pictures:
        predicted = train().predict(pictures.astype(np.float32), verbose=0).argmax(1)
        print(f"demo pictures recognised: {(predicted == labels).sum()} of {len(labels)}")


if __name__ == "__main__":
    main()
