"""What further pictures of the same scene show at the animated picture's place."""

from __future__ import annotations

import cv2
import numpy as np

from enliven.gallery.gather import Gallery
from enliven.types import FaceCrop, SceneView


def views_of(gallery: Gallery, crop: FaceCrop) -> list[SceneView]:
    """The shots that were taken where the portrait was, without the portrait's own.

    ``crop``: a square of the portrait. Shots are squares around their own faces, so parts of it may be unknown.
    """
    found = []
    to_portrait = gallery.portrait.to_photo.inverse()
    size_wh = gallery.portrait.landmarks.image_size_wh
    for shot in gallery.shots[1:]:
        if shot.place is None:
            continue
        placed = to_portrait @ shot.place
        matrix, size = (crop.to_picture.inverse() @ placed).matrix, (crop.size, crop.size)
        picture = np.asarray(cv2.warpAffine(shot.picture, matrix, size, flags=cv2.INTER_LINEAR), np.uint8)
        known = cv2.warpAffine(np.ones(shot.picture.shape[:2], np.float32), matrix, size)
        points = shot.landmarks.moved(placed, size_wh).points
        found.append(SceneView(picture, np.asarray(known, np.float32), points))
    return found
