"""What further pictures of the same scene show at the animated picture's place."""

from __future__ import annotations

import cv2
import numpy as np

from enliven.face.crop import crop_for, take
from enliven.gallery.gather import Gallery
from enliven.types import FaceCrop, Scene, SceneView


def scene_of(gallery: Gallery) -> Scene:
    """The square around the portrait's face, and the other shots that were taken where the portrait was.

    Shots are squares around their own faces, so parts of it may be unknown.
    """
    portrait = gallery.portrait
    crop = crop_for(portrait.landmarks)
    return Scene(crop, take(portrait.picture, crop), tuple(_views(gallery, crop)))


def _views(gallery: Gallery, crop: FaceCrop) -> list[SceneView]:
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
