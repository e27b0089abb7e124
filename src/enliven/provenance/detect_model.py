"""The learned judge of `enliven detect`: a face crop becomes a map of logits, by cv2.dnn and without torch."""

from __future__ import annotations

import hashlib
from importlib import resources

import cv2
import numpy as np

from enliven.errors import ProvenanceError
from enliven.types import Floats, Picture

CROP_SIZE = 192
"""Side of the crop that the network reads, in pixels."""
CROP_FACTOR = 1.45
"""Side of the crop over the face's longer side; the network was trained with it."""
MAP_SIZE = 12
"""Places of the map per side; each sees 16 pixels and their surroundings."""
SUSPECT = 4
"""One place in so many decides, the most suspect ones."""
_ASSET = "assets/detector.onnx"


class DetectionModel:
    """The network that is shipped with this release; some milliseconds a crop on one core."""

    def __init__(self, weights: bytes | None = None) -> None:
        """``weights``: an ONNX graph instead of the shipped one. Raises ProvenanceError when it cannot be read."""
        stored = _shipped() if weights is None else weights
        self.fingerprint = hashlib.sha256(stored).hexdigest()[:12]
        """Names the weights."""
        try:
            self._network = cv2.dnn.readNetFromONNX(np.frombuffer(stored, np.uint8))
        except cv2.error:
            raise ProvenanceError(
                "The detector's weights cannot be read: they are damaged or of another kind. Reinstall enliven."
            ) from None

    def judge(self, crop: Picture) -> Floats:
        """(192, 192, 3) RGB to (12, 12) calibrated logits; above 0 looks made; :func:`pooled` judges the crop."""
        if crop.shape != (CROP_SIZE, CROP_SIZE, 3):
            raise ValueError(f"the detector reads crops of (192, 192, 3), got {crop.shape}")
        self._network.setInput(cv2.dnn.blobFromImage(as_video(crop)))
        logits: Floats = self._network.forward()[0]
        return logits


def pooled(evidence: Floats) -> float:
    """A crop's logit: the mean of its most suspect quarter of places."""
    return float(np.sort(evidence, axis=None)[-(evidence.size // SUSPECT) :].mean())


def as_video(crop: Picture) -> Picture:
    """Colours at half resolution, as videos keep them: all that the network was trained on came so."""
    planes = cv2.cvtColor(crop, cv2.COLOR_RGB2YUV_I420)
    return np.asarray(cv2.cvtColor(planes, cv2.COLOR_YUV2RGB_I420), np.uint8)


def _shipped() -> bytes:
    try:
        return resources.files("enliven").joinpath(_ASSET).read_bytes()
    except OSError as error:
        raise ProvenanceError(
            f"The detector's weights are missing from this installation ({error.strerror}). Reinstall enliven."
        ) from None
