#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares the tensors of src/image with those of Pillow and numpy.

    image_reference.py IMAGE_TENSOR [PHOTO_FOLDER ...]

IMAGE_TENSOR is tests/tools/image_tensor as built. Pictures: generated ones of many kinds, and up to
200 photos of the folders (default: ../shared/data beside the project; left out with a message where
that is absent). Needs Pillow and numpy. Prints largest and mean difference in units of 1/255 and
the lowest cosine of the tensors for each case, and fails when one is past its floor.
"""
import io
import pathlib
import subprocess
import sys
import tempfile

try:
    import numpy as np
    from PIL import Image, ImageCms, ImageOps, __version__ as pillow_version
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

ROOT = pathlib.Path(__file__).resolve().parents[2]
SEED = 20240
NAMES = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic"}
failures = []


# ---- the reference -----------------------------------------------------------------------------

SRGB = ImageCms.createProfile("sRGB")


def foreign_profile(image):
    profile = image.info.get("icc_profile")
    if not profile or image.mode != "RGB" or b"sRGB" in profile or b"s\0R\0G\0B" in profile:
        return None
    return ImageCms.ImageCmsProfile(io.BytesIO(profile))


def opened(path):
    """Upright, in sRGB, on white."""
    image = Image.open(path)
    profile = foreign_profile(image)
    image = ImageOps.exif_transpose(image)
    if profile:
        image = ImageCms.profileToProfile(
            image, profile, SRGB, ImageCms.Intent.RELATIVE_COLORIMETRIC, "RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION)
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        ground = Image.new("RGBA", image.size, (255, 255, 255, 255))
        image = Image.alpha_composite(ground, image)
    return image.convert("RGB")


def center_crop(array, height, width):
    """As transformers' center_crop: zeros around what is too small."""
    h, w = array.shape[:2]
    top, left = (h - height) // 2, (w - width) // 2
    new_h, new_w = max(height, h), max(width, w)
    padded = np.zeros((new_h, new_w, 3), array.dtype)
    above, before = -((h - new_h) // 2), -((w - new_w) // 2)
    padded[above:above + h, before:before + w] = array
    top, left = top + above, left + before
    return padded[max(0, top):top + height, max(0, left):left + width]


def resized(image, size, resample):
    """Across, then down: Pillow 13 swaps the passes for some shapes, older ones (with which the
    models were trained) never did."""
    if resample == 0:
        return image.resize(size, resample)
    return image.resize((size[0], image.height), resample).resize(size, resample)


def reference(path, mode, size, crop, resample):
    image = opened(path)
    if mode == "exact":
        image = resized(image, (size, size), resample)
    elif mode == "shortest":
        w, h = image.size
        short, long = min(w, h), max(w, h)
        new = (size, int(size * long / short))
        image = resized(image, new if w <= h else new[::-1], resample)
    array = np.asarray(image)
    if crop:
        array = center_crop(array, crop, crop)
    return array.transpose(2, 0, 1)


def ours(tool, paths, mode, size, crop, resample, full):
    arguments = [tool, "--resample", str(resample)]
    if mode == "exact":
        arguments += ["--exact", f"{size}x{size}"]
    elif mode == "shortest":
        arguments += ["--shortest", str(size)]
    if crop:
        arguments += ["--crop", f"{crop}x{crop}"]
    if full:
        arguments.append("--full")
    done = subprocess.run(arguments + [str(p) for p in paths], capture_output=True, check=False)
    if done.returncode:
        sys.exit(f"image_tensor failed: {done.stderr.decode()}")
    side = crop or size
    return np.frombuffer(done.stdout, np.float32).reshape(len(paths), 3, side, side) * 255


def compare(tool, label, paths, mode, size, crop, resample, full, cosine_min, mean_max):
    """Prints one line; the floors are on the worst picture."""
    got = ours(tool, paths, mode, size, crop, resample, full)
    largest, means, beyond, cosines = 0.0, [], [], []
    for path, tensor in zip(paths, got):
        want = reference(path, mode, size, crop, resample).astype(np.float64)
        difference = np.abs(tensor - want)
        largest = max(largest, difference.max())
        means.append(difference.mean())
        beyond.append((difference > 1.5).mean())
        # Centred at mid grey, so that brightness alone does not make everything alike.
        a, b = tensor.ravel() - 127.5, want.ravel() - 127.5
        cosines.append(float(a @ b / max(np.linalg.norm(a) * np.linalg.norm(b), 1e-9)))
    good = min(cosines) >= cosine_min and max(means) <= mean_max
    how = f"{mode} {size}" + (f" crop {crop}" if crop else "")
    print(f"{'ok  ' if good else 'FAIL'} {label:22} {len(paths):4} {how:21} {NAMES[resample]:9}"
          f"{'full  ' if full else 'shrink'} max {largest:5.1f}  mean {np.mean(means):.4f}"
          f" (worst {max(means):.4f})  over 1: {100 * np.mean(beyond):6.3f} %"
          f"  cosine {min(cosines):.6f}")
    if not good:
        failures.append(label)


# ---- pictures ----------------------------------------------------------------------------------

def scene(width, height, seed):
    """Something with soft colours, edges and texture."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    red = 127 + 100 * np.sin(x / 23.0) * np.cos(y / 31.0)
    green = 255 * x / max(width - 1, 1)
    blue = 255 * ((x // 16 + y // 16) % 2)
    out = np.stack([red, green, blue], -1) * 0.8 + rng.normal(0, 12, (height, width, 1)) + 20
    return Image.fromarray(np.clip(out, 0, 255).astype(np.uint8))


def generated(folder):
    """(label, paths, cosine floor, mean ceiling)."""
    base = scene(613, 411, SEED)
    cases = []

    def add(label, images, cosine=0.9999, mean=0.5, **options):
        paths = []
        for i, (image, suffix, extra) in enumerate(images):
            path = folder / f"{label.replace(' ', '_')}_{i}.{suffix}"
            image.save(path, **{**options, **extra})
            paths.append(path)
        cases.append((label, paths, cosine, mean))

    turned = []
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        turned.append((base, "jpg", {"exif": exif, "quality": 92}))
    add("EXIF turned", turned)
    add("JPEG 4:4:4, 4:2:2, grey", [(base, "jpg", {"subsampling": 0}),
                                    (base, "jpg", {"subsampling": 1}),
                                    (base.convert("L"), "jpg", {})])
    add("JPEG progressive", [(base, "jpg", {"progressive": True})])
    # Pillow knows no profile for CMYK: its inks are ideal, ours those of a press. Only a likeness.
    add("JPEG CMYK (likeness)", [(base.convert("CMYK"), "jpg", {})], 0.85, 60)
    add("PNG", [(base, "png", {}), (base.convert("L"), "png", {}), (base.convert("1"), "png", {})])
    add("PNG palette", [(base.quantize(64), "png", {}), (base.quantize(4), "png", {})])
    clear = base.copy()
    clear.putalpha(Image.linear_gradient("L").resize(base.size))
    grey_clear = base.convert("L").convert("LA")
    grey_clear.putalpha(Image.radial_gradient("L").resize(base.size))
    add("PNG alpha", [(clear, "png", {}), (grey_clear, "png", {})])
    see_through = base.quantize(16)
    add("PNG palette alpha", [(see_through, "png", {"transparency": 3})])
    add("WebP", [(base, "webp", {"quality": 80}), (clear, "webp", {"lossless": True})])
    animated = {"save_all": True, "append_images": [clear.quantize(8)]}
    add("GIF", [(base.quantize(128), "gif", {}), (base.quantize(16), "gif", animated)])
    add("TIFF", [(base, "tiff", {}), (base, "tiff", {"compression": "tiff_lzw"}),
                 (base.convert("L"), "tiff", {}), (base.convert("1"), "tiff", {})])
    add("small", [(scene(*size, SEED), "png", {}) for size in ((1, 1), (2, 3), (7, 500), (500, 7))])
    return cases


def split(paths):
    """Without and with a profile other than sRGB."""
    plain, tagged = [], []
    for path in paths:
        with Image.open(path) as image:
            (tagged if foreign_profile(image) else plain).append(path)
    return plain, tagged


def photos(folders):
    found = []
    for folder in folders:
        found += sorted(p for p in folder.rglob("*") if p.suffix.lower() in (".jpg", ".jpeg"))
    if len(found) > 200:
        found = found[:: len(found) // 200][:200]
    return found


# ---- run ---------------------------------------------------------------------------------------

def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    tool = sys.argv[1]
    folders = [pathlib.Path(p) for p in sys.argv[2:]]
    data = ROOT.parent / "shared" / "data"
    if not folders and data.is_dir():
        folders = [data / "coco-train2017-80", data / "coco-300"]
    print(f"Pillow {pillow_version}; differences in 1/255")
    with tempfile.TemporaryDirectory() as temp:
        for label, paths, cosine, mean in generated(pathlib.Path(temp)):
            for mode, size, crop, resample in (("exact", 260, 0, 3), ("shortest", 224, 224, 2),
                                               ("shortest", 96, 128, 1), ("none", 0, 300, 3)):
                compare(tool, label, paths, mode, size, crop, resample, True, cosine, mean)
    plain, tagged = split(photos(folders))
    if not plain:
        print("skipped: no photos (../shared/data is not there)")
    else:
        for mode, size, crop in (("exact", 260, 0), ("shortest", 224, 224), ("exact", 384, 0)):
            for resample in (3, 2, 1, 0):
                compare(tool, "photos", plain, mode, size, crop, resample, True, 0.9999, 0.1)
        # Photos of 640 x 480: these are read at 1/8, 1/2, 1/2 and mostly in full.
        for size, cosine, mean in ((32, 0.99, 4), (64, 0.995, 4), (96, 0.995, 4), (150, 0.995, 2)):
            compare(tool, "photos", plain, "exact", size, 0, 3, False, cosine, mean)
    if tagged:
        # Ours are converted after the resize, the reference's before.
        for mode, size, crop in (("exact", 260, 0), ("shortest", 224, 224)):
            compare(tool, "photos with profiles", tagged, mode, size, crop, 3, True, 0.999, 1)
    if failures:
        sys.exit(f"{len(failures)} cases are past their floor: {', '.join(sorted(set(failures)))}")
    print("all within their floors")


if __name__ == "__main__":
    main()
