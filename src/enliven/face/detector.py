"""Faces as boxes: MediaPipe's two BlazeFace detectors over views of a picture."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from enliven.face.crop import square, take
from enliven.face.mediapipe_graph import Graph, load
from enliven.geometry import Box
from enliven.types import FaceCrop, Picture

_GRAPH = """
input_stream: "image"
output_stream: "detections"
node {{ calculator: "{calculator}" input_stream: "IMAGE:image" output_stream: "DETECTIONS:detections"
  options {{ [mediapipe.FaceDetectionOptions.ext] {{ min_score_thresh: {threshold} }} }} }}
"""


@dataclass(frozen=True)
class Detection:
    """One face a detector believes in."""

    box: Box
    """About eyebrows to chin, upright in the view it was found in."""
    angle_deg: float
    """How far the face is tipped clockwise, from the line between its eyes."""
    score: float
    """0..1"""
    view_deg: float
    """How far the view was turned in which it was found."""


class FaceDetector:
    """BlazeFace (Bazarevsky et al. 2019, arXiv 1907.05047), for faces near the camera or far from it."""

    def __init__(self, reach: str, threshold: float) -> None:
        """``reach``: "short" (the face fills much of the view) or "full" (down to a tenth of the view)."""
        name, self.side = {
            "short": ("FaceDetectionShortRangeCpu", 128),
            "full": ("FaceDetectionFullRangeCpu", 192),
        }[reach]
        self._graph = Graph(_GRAPH.format(calculator=name, threshold=threshold), ("detections",), self.side)
        self._getter = load("python.packet_getter")
        load("framework.formats.detection_pb2")  # get_proto_list finds it by name

    def detect(self, image: Picture, view: FaceCrop) -> list[Detection]:
        """Faces in one square view of the picture, in the picture's pixels; around it lies black."""
        scale = view.to_picture.scale * view.size / self.side
        centre = view.to_picture.apply(np.array([(view.size - 1) / 2] * 2))
        seen = square((centre[0], centre[1]), scale * self.side, self.side, view.to_picture.angle_deg)
        packet = self._graph.run(take(image, seen, cv2.BORDER_CONSTANT)).get("detections")
        if packet is None or packet.is_empty():
            return []
        return [self._read(found, seen) for found in self._getter.get_proto_list(packet)]

    def _read(self, found: Any, seen: FaceCrop) -> Detection:
        data = found.location_data
        box, eyes = data.relative_bounding_box, data.relative_keypoints[:2]
        middle = np.array([box.xmin + box.width / 2, box.ymin + box.height / 2]) * self.side - 0.5
        right, left = seen.to_picture.apply(np.array([[eye.x, eye.y] for eye in eyes]) * self.side - 0.5)
        x, y = (float(v) for v in seen.to_picture.apply(middle))
        half = max(box.width, box.height) * self.side * seen.to_picture.scale / 2
        angle_deg = math.degrees(math.atan2(left[1] - right[1], left[0] - right[0]))
        box_xyxy = Box(x - half, y - half, x + half, y + half)
        return Detection(box_xyxy, angle_deg, float(found.score[0]), seen.to_picture.angle_deg)

    def close(self) -> None:
        self._graph.close()


def without_doubles(found: list[Detection], most_overlap: float = 0.4) -> list[Detection]:
    """The most certain of the boxes that lie on each other in one turn of the view, most certain first.

    Of different turns only the mesh can tell which is right.
    """
    kept: list[Detection] = []
    for detection in sorted(found, key=lambda d: (-d.score, d.box.x0, d.box.y0)):
        rivals = [other for other in kept if other.view_deg == detection.view_deg]
        if all(detection.box.overlap(other.box) < most_overlap for other in rivals):
            kept.append(detection)
    return kept
