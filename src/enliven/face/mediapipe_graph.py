"""MediaPipe's own models in graphs of ours: quick to import, quiet, one thread, one call a picture.

The models lie in MediaPipe's wheel (0.10.21 is the last that carries them; Apache-2.0). Its ready-made
``FaceMesh`` hides the presence score and decides by itself where to look; these graphs leave both to us.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from enliven.errors import EnlivenError
from enliven.types import Picture

_CHATTER = re.compile(
    rb"XNNPACK delegate|absl::InitializeLog|inference_feedback_manager|gl_context|TensorFlow Lite|^\s*$"
)


_ADVICE = "Try: pip install mediapipe==0.10.21"


class _LazyPackage(ModuleType):
    """``mediapipe`` without its ``__init__``, which loads Matplotlib for 0.8 s; same names on demand."""

    def __getattr__(self, name: str) -> Any:
        if name == "solutions":
            return importlib.import_module("mediapipe.python.solutions")
        if name == "tasks":
            return importlib.import_module("mediapipe.tasks.python")
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(importlib.import_module("mediapipe.python"), name)


def load(module: str) -> Any:
    """A module of MediaPipe's. Raises EnlivenError when this MediaPipe has none of that name."""
    try:
        return importlib.import_module(f"mediapipe.{module}")
    except ImportError as error:
        raise EnlivenError(
            f"This installation of MediaPipe has no '{module}' ({error}); enliven needs release 0.10.21, "
            f"the last one with its models inside. {_ADVICE}"
        ) from error


_PACKAGE = threading.Lock()


def package_folder() -> Path:
    """Make ``mediapipe.*`` importable and return the folder that holds it."""
    spec = importlib.util.find_spec("mediapipe")
    if spec is None or not spec.submodule_search_locations:
        raise EnlivenError(f"MediaPipe is not installed; finding faces needs it. {_ADVICE}")
    with _PACKAGE:
        if "mediapipe" not in sys.modules:
            package = importlib.util.module_from_spec(spec)
            package.__class__ = _LazyPackage
            sys.modules["mediapipe"] = package
    return Path(next(iter(spec.submodule_search_locations))).parent


_STDERR = threading.Lock()


@contextmanager
def _quiet() -> Iterator[None]:
    """Hold back what C++ writes to stderr; afterwards pass on every line that is not known chatter.

    One thread at a time: of two that overlap, the second would keep the first one's silence for ever.
    """
    with _STDERR, ExitStack() as stack:
        try:
            held = stack.enter_context(tempfile.TemporaryFile())
            stderr = os.dup(2)
        except OSError:  # no stderr to keep quiet, or nowhere to hold it: chatter is better than failure
            yield
            return
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            held.seek(0)
            for line in held:
                if not _CHATTER.search(line):
                    os.write(2, line)


class Graph:
    """One MediaPipe graph that reads the stream ``image`` and is asked for the streams in ``outputs``."""

    def __init__(self, config: str, outputs: tuple[str, ...], warm_up_size: int) -> None:
        """``config``: a CalculatorGraphConfig as text. ``warm_up_size``: side of the first, blank picture."""
        root = package_folder()
        self._creator = load("python.packet_creator")
        self._frames = load("python._framework_bindings.image_frame")
        load("python._framework_bindings.resource_util").set_resource_dir(str(root))
        graphs = load("python._framework_bindings.calculator_graph")
        self._packets: dict[str, Any] = {}
        self._time = 0
        with _quiet():
            self._graph = graphs.CalculatorGraph(graph_config=config)
            for name in outputs:
                self._graph.observe_output_stream(name, self._packets.__setitem__, True)
            self._graph.start_run({})
            self.run(np.zeros((warm_up_size, warm_up_size, 3), np.uint8))

    def run(self, image: Picture) -> dict[str, Any]:
        """Packets by stream name; a stream that stayed empty holds an empty packet."""
        self._packets.clear()
        self._time += 1
        frame = self._frames.ImageFrame(
            image_format=self._frames.ImageFormat.SRGB, data=np.ascontiguousarray(image)
        )
        self._graph.add_packet_to_input_stream(
            stream="image", packet=self._creator.create_image_frame(frame).at(self._time)
        )
        self._graph.wait_until_idle()
        return self._packets

    def close(self) -> None:
        """Free the model; the graph cannot run afterwards."""
        self._graph.close()
