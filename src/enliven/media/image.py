"""Stills: any photo that people have becomes upright RGB."""

from __future__ import annotations

import os
import re
import uuid
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from enliven.errors import MediaError, MissingExtraError, OutputError
from enliven.types import Picture

LARGEST_MEGAPIXELS = 100
LONGEST_SIDE_PX = 16_384
_HEIC = {".heic", ".heif", ".hif"}


def read_photo(path: Path) -> Picture:
    """The photo as RGB uint8 (H, W, 3): upright by its EXIF, transparency over white, 16 bits scaled to 8.

    Raises MediaError for what is missing, empty, no picture, truncated, animated, or larger than 100
    megapixels (refused from its header, before decoding); MissingExtraError for HEIC without the extra.
    """
    check_readable(path, "photo")
    if path.suffix.lower() in _HEIC:
        _register_heic()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                _check_size(image, path)
                _check_single(image, path)
                image.load()
                return _as_rgb(image)
    except UnidentifiedImageError:
        raise MediaError(
            f"{path} is not a picture that can be read. A photo is needed: JPEG, PNG, WebP, TIFF, BMP or HEIC."
        ) from None
    except Image.DecompressionBombError as error:
        pixels = re.search(r"\d+", str(error))
        raise _too_large(path, f"{int(pixels[0]) // 1_000_000 if pixels else 178} megapixels") from None
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise MediaError(
            f"{path} is truncated or damaged ({error}). A whole picture is needed; try to copy it again."
        ) from None


def write_picture(path: Path, image: Picture) -> None:
    """Write RGB uint8 (H, W, 3) as a PNG or JPEG, by its suffix; complete or not at all.

    For pictures about results (contact sheets, reports); results leave through ``provenance.outlet``.
    """
    temporary = path.with_name(f".{path.stem}.{uuid.uuid4().hex[:8]}.part{path.suffix}")
    try:
        Image.fromarray(image).save(temporary, compress_level=3, quality=92)
        temporary.replace(path)
    except OSError as error:
        raise OutputError(f"{path} could not be written: {error.strerror or error}.") from None
    finally:
        temporary.unlink(missing_ok=True)


def check_readable(path: Path, what: str) -> None:
    """Raises MediaError unless ``path`` is a file with something in it that may be read."""
    if not path.exists():
        raise MediaError(f"There is no such file: {path}. A {what} was expected there; check the path.")
    if path.is_dir():
        raise MediaError(f"{path} is a folder. A {what} was expected; name a file.")
    if path.stat().st_size == 0:
        raise MediaError(f"{path} is empty (0 bytes). A {what} was expected; try to copy it again.")
    if not os.access(path, os.R_OK):
        raise MediaError(f"{path} may not be read by this user. Change its permissions.")


def _check_size(image: Image.Image, path: Path) -> None:
    width, height = image.size
    if width * height > LARGEST_MEGAPIXELS * 1_000_000 or max(width, height) > LONGEST_SIDE_PX:
        raise _too_large(path, f"{width} x {height} pixels")


def _too_large(path: Path, found: str) -> MediaError:
    return MediaError(
        f"{path} has {found}. At most {LARGEST_MEGAPIXELS} megapixels and {LONGEST_SIDE_PX} pixels a side "
        "are read; make it smaller first."
    )


def _check_single(image: Image.Image, path: Path) -> None:
    count = getattr(image, "n_frames", 1)
    if count > 1 and image.format not in {"MPO", "TIFF", "HEIF"}:
        raise MediaError(
            f"{path} is an animated picture with {count} frames. A still photo is needed here; "
            "an animated picture can lead as --driving."
        )


def _register_heic() -> None:
    try:
        import pillow_heif
    except ImportError:
        raise MissingExtraError("Reading HEIC photos", "heic") from None
    pillow_heif.register_heif_opener()


def _as_rgb(image: Image.Image) -> Picture:
    upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith("I") or upright.mode == "F":
        return _from_deep_grey(upright)
    if upright.mode == "CMYK":
        upright = _from_cmyk(upright)
    if upright.mode in {"RGBA", "LA", "PA", "La", "RGBa"} or "transparency" in upright.info:
        upright = upright.convert("RGBA")
        paper = Image.new("RGBA", upright.size, (255, 255, 255, 255))
        upright = Image.alpha_composite(paper, upright)
    return np.array(upright.convert("RGB"), np.uint8)


def _from_deep_grey(image: Image.Image) -> Picture:
    """16-bit grey keeps its top 8 bits; wider values are stretched to their own range."""
    values = np.asarray(image, np.float64)
    top = 65535.0 if values.max() > 255 else 255.0
    grey = np.clip(np.round(values * (255.0 / max(top, values.max()))), 0, 255).astype(np.uint8)
    return np.repeat(grey[:, :, None], 3, axis=2)


def _from_cmyk(image: Image.Image) -> Image.Image:
    """By the picture's own colour profile where it has one, else by the plain formula."""
    profile = image.info.get("icc_profile")
    if not profile:
        return image.convert("RGB")
    import io

    try:
        own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        converted = ImageCms.profileToProfile(image, own, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except ImageCms.PyCMSError:
        return image.convert("RGB")
    return converted or image.convert("RGB")
