"""A folder of numbered PNG frames and their exact times."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from enliven.media.audio import Sound
from enliven.media.folder import TIMES_FILE
from enliven.media.writer import Writer, not_written
from enliven.types import Frame


class FolderWriter(Writer):
    """``000001.png`` and so on, and ``times.json``; the folder appears when all are there."""

    def __init__(self, path: Path, size_wh: tuple[int, int], sound: Sound | None, statement: str) -> None:
        super().__init__(path)
        self.size_wh = size_wh
        self._times: list[Fraction] = []
        self._statement = PngInfo()
        if statement:
            self._statement.add_text("Comment", statement)
        try:
            self.temporary.mkdir()
        except OSError as error:
            raise not_written(path, error) from None
        if sound is not None:
            self.notes.append("A folder of frames holds no sound; it was left out.")

    def write(self, frame: Frame) -> None:
        self._times.append(frame.time)
        try:
            name = f"{len(self._times):06d}.png"
            Image.fromarray(frame.image).save(
                self.temporary / name, compress_level=1, pnginfo=self._statement
            )
        except OSError as error:
            self.abort()
            raise not_written(self.path, error) from None

    def close(self) -> None:
        times = {"times": [str(time) for time in self._times]}
        (self.temporary / TIMES_FILE).write_text(json.dumps(times))

    def discard(self) -> None:
        """Nothing is open between frames."""
