"""478 points of the face inside a given square, and how sure the model is that there is one."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from enliven.face.crop import square, take
from enliven.face.mediapipe_graph import Graph, load
from enliven.geometry import Box, Similarity
from enliven.topology import CHIN, FOREHEAD, LEFT_EYE, RIGHT_EYE
from enliven.types import FaceCrop, Floats, Landmarks, Picture

_SIDE = 192
"""The model reads 192 x 192 pixels."""
_MARGIN = 1.5
"""Side of the square over the face's longer side, as the model was trained."""

_GRAPH = """
input_stream: "image"
output_stream: "landmarks"
output_stream: "presence"
node { calculator: "ConstantSidePacketCalculator" output_side_packet: "PACKET:attention"
  options { [mediapipe.ConstantSidePacketCalculatorOptions.ext] { packet { bool_value: true } } } }
node { calculator: "FaceLandmarksModelLoader"
  input_side_packet: "WITH_ATTENTION:attention" output_side_packet: "MODEL:model" }
node { calculator: "TfLiteCustomOpResolverCalculator" output_side_packet: "OP_RESOLVER:ops" }
node { calculator: "ImageToTensorCalculator" input_stream: "IMAGE:image" output_stream: "TENSORS:input"
  options { [mediapipe.ImageToTensorCalculatorOptions.ext] {
    output_tensor_width: 192 output_tensor_height: 192 output_tensor_float_range { min: 0 max: 1 } } } }
node { calculator: "InferenceCalculator" input_stream: "TENSORS:input" output_stream: "TENSORS:output"
  input_side_packet: "MODEL:model" input_side_packet: "OP_RESOLVER:ops"
  options { [mediapipe.InferenceCalculatorOptions.ext] { delegate { xnnpack { num_threads: 1 } } } } }
node { calculator: "SplitTensorVectorCalculator"
  input_stream: "output" output_stream: "points" output_stream: "flag"
  options { [mediapipe.SplitVectorCalculatorOptions.ext] {
    ranges { begin: 0 end: 6 } ranges { begin: 6 end: 7 } } } }
node { calculator: "TensorsToFloatsCalculator" input_stream: "TENSORS:flag" output_stream: "FLOAT:presence"
  options { [mediapipe.TensorsToFloatsCalculatorOptions.ext] { activation: SIGMOID } } }
node { calculator: "TensorsToFaceLandmarksWithAttention"
  input_stream: "TENSORS:points" output_stream: "LANDMARKS:landmarks" }
"""


@dataclass(frozen=True, eq=False)
class Measured:
    """A face as the mesh model saw it."""

    landmarks: Landmarks
    presence: float
    """0..1, the model's own belief that the square shows a face."""
    patch: Picture
    """The pixels that the model read, RGB (192, 192, 3)."""
    crop: FaceCrop
    """Where the patch lies in the picture."""


class FaceMesh:
    """MediaPipe's face mesh with attention to lips and eyes (Grishchenko et al. 2020, arXiv 2006.10962)."""

    def __init__(self) -> None:
        self._graph = Graph(_GRAPH, ("landmarks", "presence"), _SIDE)
        self._getter = load("python.packet_getter")
        load("framework.formats.landmark_pb2")  # get_proto finds it by name

    def measure(self, image: Picture, where: FaceCrop) -> Measured:
        """The face in the square ``where`` of the picture; see :func:`square_around` for the best square."""
        patch = take(image, where)
        packets = self._graph.run(patch)
        listed = self._getter.get_proto(packets["landmarks"]).landmark
        unit = np.array([(p.x, p.y, p.z) for p in listed], np.float64)
        points = unit * _SIDE - [0.5, 0.5, 0.0]
        size_wh = (image.shape[1], image.shape[0])
        landmarks = Landmarks(points.astype(np.float32), (_SIDE, _SIDE)).moved(where.to_picture, size_wh)
        return Measured(landmarks, float(self._getter.get_float(packets["presence"])), patch, where)

    def close(self) -> None:
        self._graph.close()


def roll_deg(landmarks: Landmarks) -> float:
    """How far the face is tipped clockwise on the screen, from the eye line and the forehead-chin line."""
    xy = landmarks.xy.astype(np.float64)
    across = xy[LEFT_EYE[0]] - xy[RIGHT_EYE[0]]
    down = xy[CHIN] - xy[FOREHEAD]
    # Both lines vote: in profile the eye line is short and unsure, and so weighs little.
    return math.degrees(math.atan2(across[1] - down[0], across[0] + down[1]))


def square_around(landmarks: Landmarks) -> FaceCrop:
    """The square, turned with the face, in which the mesh model measures best."""
    angle_deg = roll_deg(landmarks)
    upright = Box.around(Similarity(1.0, -angle_deg).apply(landmarks.xy))
    x, y = Similarity(1.0, angle_deg).apply(np.array(upright.center))
    side = _MARGIN * max(upright.width, upright.height, 1.0)
    return square((float(x), float(y)), side, _SIDE, angle_deg)


def square_at(box: Box, angle_deg: float) -> FaceCrop:
    """The square for a detector's box of a face that is tipped by ``angle_deg``."""
    return square(box.center, _MARGIN * max(box.width, box.height), _SIDE, angle_deg)


def points_in_patch(measured: Measured) -> Floats:
    """(478, 2) the points in pixels of the patch."""
    return measured.crop.to_picture.inverse().apply(measured.landmarks.xy).astype(np.float32)
