"""How much of each pixel is the person: MediaPipe's selfie segmentation, read around the head.

What is person moves with the head, what is not stays: without this a door frame beside a turning head bends.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from enliven.face.mediapipe_graph import Graph, load
from enliven.geometry import Similarity
from enliven.measure import face_height_px
from enliven.topology import CHIN, FACE_OVAL, FOREHEAD
from enliven.types import Floats, Landmarks, Matte, Picture

_SIDE = 256
"""The model reads 256 x 256 pixels."""
_FACE_HEIGHTS = 3.5
"""Side of the part of the photo that is looked at, as far as a head's motion reaches."""
_LIFT = 0.25
_LEAST_FACE = 0.85
"""Mean over the face below which the model has not understood the picture."""

_GRAPH = """
input_stream: "image"
output_stream: "mask"
node { calculator: "ConstantSidePacketCalculator" output_side_packet: "PACKET:general"
  options { [mediapipe.ConstantSidePacketCalculatorOptions.ext] { packet { int_value: 0 } } } }
node { calculator: "ImageToTensorCalculator" input_stream: "IMAGE:image" output_stream: "TENSORS:input"
  options { [mediapipe.ImageToTensorCalculatorOptions.ext] {
    output_tensor_width: 256 output_tensor_height: 256 output_tensor_float_range { min: 0 max: 1 } } } }
node { calculator: "TfLiteCustomOpResolverCalculator" output_side_packet: "OP_RESOLVER:ops" }
node { calculator: "SelfieSegmentationModelLoader"
  input_side_packet: "MODEL_SELECTION:general" output_side_packet: "MODEL:model" }
node { calculator: "InferenceCalculator" input_stream: "TENSORS:input" output_stream: "TENSORS:output"
  input_side_packet: "MODEL:model" input_side_packet: "OP_RESOLVER:ops"
  options { [mediapipe.InferenceCalculatorOptions.ext] { delegate { xnnpack { num_threads: 1 } } } } }
node { calculator: "TensorsToSegmentationCalculator" input_stream: "TENSORS:output" output_stream: "MASK:found"
  options { [mediapipe.TensorsToSegmentationCalculatorOptions.ext] { activation: NONE } } }
node { calculator: "FromImageCalculator" input_stream: "IMAGE:found" output_stream: "IMAGE_CPU:mask" }
"""


class PersonMatting:
    """Finds mattes; one graph, kept for as many photos as come. 5 ms a photo."""

    def __init__(self) -> None:
        self._graph = Graph(_GRAPH, ("mask",), _SIDE)
        self._getter = load("python.packet_getter")

    def matte(self, photo: Picture, landmarks: Landmarks) -> Matte | None:
        """The person around the face with these landmarks in the photo's pixels.

        None where the model does not even find the face to be a person: in drawings, masks, statues.
        """
        x0, y0, x1, y1 = _around_head(landmarks)
        part = photo[y0:y1, x0:x1]
        read = cv2.resize(part, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
        packets = self._graph.run(np.asarray(read, np.uint8))
        alpha = np.squeeze(self._getter.get_image_frame(packets["mask"]).numpy_view())
        found = Matte(np.ascontiguousarray(alpha, np.float32), (x0, y0, x1, y1))
        return found if _share_of_face(found, landmarks) >= _LEAST_FACE else None

    def of_crop(self, crop: Picture, points: Floats) -> Matte | None:
        """The same for a picture with landmarks (478, 3) in its pixels."""
        return self.matte(crop, Landmarks(np.asarray(points, np.float32), (crop.shape[1], crop.shape[0])))

    def close(self) -> None:
        """Free the model."""
        self._graph.close()


def matte_of(photo: Picture, landmarks: Landmarks) -> Matte | None:
    """The matte of one photo; see :meth:`PersonMatting.matte`."""
    return mattes_of([photo], [landmarks.points])[0]


def mattes_of(crops: Sequence[Picture], points: Sequence[Floats]) -> list[Matte | None]:
    """The mattes of crops with landmarks (478, 3) in their pixels."""
    matting = PersonMatting()
    try:
        return [matting.of_crop(crop, at) for crop, at in zip(crops, points, strict=True)]
    finally:
        matting.close()


def share_of_person(matte: Matte, to_photo: Similarity, size: int) -> Floats:
    """(size, size) 0..1 the matte as a square of other pixels shows it; what was not looked at counts as person.

    ``to_photo``: from that square's pixels to those of the matte's photo.
    """
    axis = np.arange(size, dtype=np.float64)
    places = to_photo.apply(np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2))
    maps = matte.cells(places).astype(np.float32).reshape(size, size, 2)
    return np.asarray(cv2.remap(matte.alpha, maps, None, cv2.INTER_LINEAR, borderValue=1.0), np.float32)


def _around_head(landmarks: Landmarks) -> tuple[int, int, int, int]:
    """x0, y0, x1, y1 of the part of the photo to look at, ends outside."""
    height = max(face_height_px(landmarks), 1.0)
    x, y = landmarks.xy[[FOREHEAD, CHIN]].mean(axis=0, dtype=np.float64) - [0.0, _LIFT * height]
    half = _FACE_HEIGHTS * height / 2
    width_px, height_px = landmarks.image_size_wh
    x0, y0 = min(int(max(x - half, 0)), width_px - 1), min(int(max(y - half, 0)), height_px - 1)
    x1, y1 = int(np.ceil(min(x + half, width_px))), int(np.ceil(min(y + half, height_px)))
    return x0, y0, max(x1, x0 + 1), max(y1, y0 + 1)


def _share_of_face(matte: Matte, landmarks: Landmarks) -> float:
    """Mean of the matte over the face's oval."""
    outline = matte.cells(landmarks.xy[list(FACE_OVAL)])
    inside = np.zeros((_SIDE, _SIDE), np.uint8)
    cv2.fillPoly(inside, [np.rint(outline).astype(np.int32)], 1)
    covered: Floats = matte.alpha[inside > 0]
    return float(covered.mean()) if covered.size else 0.0
