"""Writes golden.json: what torchvision makes of three images, for explicit parameters of every transform.

Run as `python augment/testdata/golden.py` with torch and torchvision (written with 2.15.0 and 0.29.2). Images are base64
of bytes [H, W, 3]; expected values are base64 of little-endian float32 [H, W, 3].
"""

import base64
import json
import pathlib

import numpy as np
import torch
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as F


def smooth(height, width):
    """Colour ramps with a white, a black and a grey patch: every hue, and the cases without one."""
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    image = np.stack([127 + 127 * np.sin(6 * x + p + 4 * y) for p in (0, 2.1, 4.2)], -1).astype(np.uint8)
    image[:3, :3], image[3:6, :3], image[:3, 3:6] = 255, 0, 128
    return image


def noise(height, width):
    return np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)


IMAGES = {"smooth": smooth(32, 32), "noise": noise(32, 32), "odd": noise(13, 19)}


def crop(x, p):
    return F.resized_crop(x, p["top"], p["left"], p["height"], p["width"], [p["size"]] * 2,
                          InterpolationMode.BILINEAR, antialias=True)


TRANSFORMS = {
    "crop": crop,
    "flip": lambda x, p: F.hflip(x),
    "brightness": lambda x, p: F.adjust_brightness(x, p["factor"]),
    "contrast": lambda x, p: F.adjust_contrast(x, p["factor"]),
    "saturation": lambda x, p: F.adjust_saturation(x, p["factor"]),
    "hue": lambda x, p: F.adjust_hue(x, p["factor"]),
    "grayscale": lambda x, p: F.rgb_to_grayscale(x, 3),
    "blur": lambda x, p: F.gaussian_blur(x, [p["kernel"]] * 2, [p["sigma"]] * 2),
    "solarize": lambda x, p: F.solarize(x, p["factor"]),
    "normalize": lambda x, p: F.normalize(x, [0.4914, 0.4822, 0.4465], [0.2470, 0.2435, 0.2616]),
}


def box(top, left, height, width, size):
    return {"top": top, "left": left, "height": height, "width": width, "size": size}


CASES = [
    ("crop", "smooth", box(3, 5, 20, 17, 32)),
    ("crop", "noise", box(0, 0, 32, 32, 12)),
    ("crop", "noise", box(1, 2, 31, 9, 16)),
    ("crop", "noise", box(0, 31, 32, 1, 8)),
    ("crop", "noise", box(4, 4, 24, 24, 24)),
    ("crop", "odd", box(2, 3, 7, 15, 10)),
    ("crop", "odd", box(0, 0, 13, 19, 9)),
    ("flip", "odd", {}),
    *[(name, "odd", {"factor": f}) for name in ("brightness", "contrast", "saturation") for f in (0, 0.6, 1.4)],
    ("contrast", "smooth", {"factor": 1.7}),
    ("saturation", "smooth", {"factor": 1.7}),
    *[("hue", "odd", {"factor": f}) for f in (-0.5, -0.1, 0, 0.07, 0.5)],
    ("hue", "smooth", {"factor": 0.1}),
    ("hue", "smooth", {"factor": -0.37}),
    ("grayscale", "odd", {}),
    ("blur", "noise", {"kernel": 3, "sigma": 0.1}),
    ("blur", "smooth", {"kernel": 3, "sigma": 2}),
    ("blur", "odd", {"kernel": 7, "sigma": 1.3}),
    ("blur", "odd", {"kernel": 25, "sigma": 4}),
    ("blur", "odd", {"kernel": 1, "sigma": 1}),
    *[("solarize", "odd", {"factor": f}) for f in (0, 0.5, 1)],
    ("normalize", "odd", {}),
]


def encode(array):
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def case(transform, image, parameters):
    x = torch.from_numpy(IMAGES[image]).permute(2, 0, 1).float() / 255
    y = TRANSFORMS[transform](x, parameters).permute(1, 2, 0).contiguous().numpy().astype("<f4")
    return {"transform": transform, "image": image, "parameters": parameters, "expected": encode(y)}


golden = {
    "images": {name: {"height": i.shape[0], "width": i.shape[1], "pixels": encode(i)} for name, i in IMAGES.items()},
    "cases": [case(*c) for c in CASES],
}
path = pathlib.Path(__file__).with_name("golden.json")
path.write_text(json.dumps(golden, indent=1) + "\n")
