"""Copies of pictures of one colour in other colours, so that a colour word means the same beside every noun."""

from __future__ import annotations

import hashlib

import numpy as np
from PIL import Image

# Hue (0–255, as Pillow counts), saturation and brightness (0–1) of each colour in Noto's palette.
COLOURS = {
    "red": (3, 0.80, 0.90),
    "orange": (20, 0.85, 0.97),
    "yellow": (33, 0.80, 0.98),
    "green": (80, 0.65, 0.68),
    "blue": (146, 0.75, 0.85),
    "purple": (198, 0.60, 0.72),
    "pink": (236, 0.45, 0.97),
    "black": (0, 0.0, 0.27),
    "gray": (0, 0.0, 0.66),
}
# Emoji whose main colour can be another: {CLDR name: the noun to say after the colour}.
NOUNS = {
    "red apple": "apple", "red heart": "heart", "automobile": "car", "red circle": "circle", "red square": "square",
    "closed book": "book", "balloon": "balloon", "tulip": "tulip", "t-shirt": "shirt", "dress": "dress",
    "billed cap": "cap", "strawberry": "strawberry", "tomato": "tomato", "pear": "pear", "banana": "banana",
    "bell pepper": "pepper", "mushroom": "mushroom", "butterfly": "butterfly", "tropical fish": "fish", "bird": "bird",
    "octopus": "octopus", "crab": "crab", "star": "star", "umbrella": "umbrella", "bus": "bus",
    "delivery truck": "truck", "backpack": "backpack", "key": "key", "house": "house", "frog": "frog",
}  # fmt: skip
SAME_HUE = 9  # of 256: closer, it is the same colour
HELD_OUT_OF = 7  # one pair in so many is kept from training


def recolourable(name: str) -> str | None:
    return NOUNS.get(name)


def held_out(noun: str, colour: str) -> bool:
    """The same pairs on every machine: by a hash, not by chance."""
    digest = hashlib.sha256(f"{colour} {noun}".encode()).digest()
    return digest[0] % HELD_OUT_OF == 0


def recoloured(picture: Image.Image, colour: str) -> Image.Image | None:
    """The pixels near the main hue in another colour, shades kept; None if it has that colour already."""
    hsv = np.asarray(picture.convert("HSV")).astype(np.float32)
    hue, saturation, value = hsv[..., 0], hsv[..., 1] / 255, hsv[..., 2] / 255
    main, mask = _main_hue(hue, saturation)
    target_hue, target_saturation, target_value = COLOURS[colour]
    if target_saturation and _apart(main, target_hue) < SAME_HUE:
        return None
    shade = value / max(float(np.median(value[mask > 0.5])), 0.05)
    depth = saturation / max(float(np.median(saturation[mask > 0.5])), 0.05)
    new = np.stack(
        [
            np.full_like(hue, target_hue),
            np.clip(depth * target_saturation, 0, 1) * 255,
            np.clip(np.where(shade > 1, 1 - (1 - target_value) / shade, target_value * shade), 0, 1) * 255,
        ],
        axis=-1,
    ).astype(np.uint8)
    copy = np.asarray(Image.fromarray(new, "HSV").convert("RGB")).astype(np.float32)
    blend = mask[..., None]
    mixed = copy * blend + np.asarray(picture).astype(np.float32) * (1 - blend)
    return Image.fromarray(mixed.round().astype(np.uint8))


def own_colour(picture: Image.Image) -> str:
    """The colour whose hue is nearest to the picture's main one."""
    hsv = np.asarray(picture.convert("HSV")).astype(np.float32)
    main, _ = _main_hue(hsv[..., 0], hsv[..., 1] / 255)
    hues = {colour: hue for colour, (hue, saturation, _) in COLOURS.items() if saturation}
    return min(hues, key=lambda colour: float(_apart(main, hues[colour])))


def _main_hue(hue: np.ndarray, saturation: np.ndarray) -> tuple[float, np.ndarray]:
    """The hue most of the coloured pixels have, and how much (0–1) each pixel belongs to it."""
    weights = np.where(saturation > 0.2, saturation, 0)
    counts = np.bincount(hue.astype(int).ravel(), weights.ravel(), minlength=256)
    near = sum(np.roll(counts, shift) for shift in range(-8, 9))
    main = float(np.argmax(near))
    mask = (_apart(hue, main) < 20) * np.clip(saturation / 0.15, 0, 1)
    return main, mask


def _apart(hue: np.ndarray | float, other: float) -> np.ndarray:
    distance = np.abs(np.asarray(hue) - other)
    return np.minimum(distance, 256 - distance)
