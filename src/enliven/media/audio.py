"""The driving sound, carried across: copied where the container takes it, else encoded anew."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import av.error
import numpy as np

from enliven.media.file_reader import zero_time
from enliven.types import Floats

COPIED: dict[str, frozenset[str]] = {
    ".mp4": frozenset({"aac", "mp3", "ac3", "eac3", "alac"}),
    ".webm": frozenset({"opus", "vorbis"}),
}
"""Sound codecs that each container holds as they are."""
ENCODERS = {".mp4": "aac", ".webm": "libopus"}
_ENCODED_RATES = {"aac": (8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000), "libopus": (48000,)}
_GAP = Fraction(1, 20)
"""Jumps in the sound's own time stamps above this are filled or cut, so that no drift builds up."""


@dataclass(frozen=True)
class Sound:
    """The sound of a video file, over the same range as its picture."""

    path: Path
    start: Fraction | None = None
    """Seconds on the common clock of picture and sound."""
    end: Fraction | None = None


class SoundTrack:
    """Puts a :class:`Sound` into a container that is being written, a little at a time."""

    def __init__(self, sound: Sound, target: av.container.OutputContainer, suffix: str) -> None:
        """``suffix``: .mp4 or .webm; decides between copying and encoding."""
        self._sound = sound
        self._target = target
        self._source = av.open(str(sound.path), metadata_errors="ignore")
        self._input = self._source.streams.audio[0]
        picture = self._source.streams.video[0]
        start = sound.start or Fraction(0)
        tick = picture.time_base or Fraction(1, 90000)
        # The picture's reader begins at a whole tick of its own; so does the sound.
        self._zero = zero_time(self._source, picture) + math.floor(start / tick) * tick
        self.is_copied = self._input.codec_context.name in COPIED[suffix]
        if start > 0:
            self._source.seek(max(int((self._zero - 1) * av.time_base), 0), backward=True)
        if self.is_copied:
            self._output = target.add_stream_from_template(self._input)
            self._packets = self._copied()
        else:
            self._output = self._new_stream(ENCODERS[suffix])
            self._packets = self._encoded()
        self._waiting: tuple[Fraction, av.Packet] | None = None
        self._written = 0

    def write_until(self, seconds: Fraction | None) -> None:
        """Write all sound that begins before ``seconds`` of the output; None writes the rest."""
        while True:
            if self._waiting is None:
                self._waiting = next(self._packets, None)
            if self._waiting is None or (seconds is not None and self._waiting[0] >= seconds):
                return
            self._target.mux(self._waiting[1])
            self._waiting = None

    def close(self) -> None:
        """Closes the sound's file."""
        self._source.close()

    @property
    def _length(self) -> Fraction | None:
        if self._sound.end is None:
            return None
        return self._sound.end - (self._sound.start or 0)

    def _copied(self) -> Iterator[tuple[Fraction, av.Packet]]:
        for packet in self._source.demux(self._input):
            if packet.pts is None or packet.size == 0:
                continue
            time = packet.pts * packet.time_base - self._zero
            if time < -packet.time_base * (packet.duration or 0) / 2:
                continue
            if self._length is not None and time >= self._length:
                return
            shift = max(round(time / packet.time_base), 0)
            packet.pts = packet.dts = shift
            packet.stream = self._output
            yield max(time, Fraction(0)), packet

    def _new_stream(self, codec: str) -> av.AudioStream:
        rates = _ENCODED_RATES[codec]
        rate = min(rates, key=lambda known: abs(known - self._input.rate))
        stream = self._target.add_stream(codec, rate=rate)
        stream.layout = "mono" if self._input.channels == 1 else "stereo"
        stream.bit_rate = 128_000
        return stream

    def _encoded(self) -> Iterator[tuple[Fraction, av.Packet]]:
        context = self._output.codec_context
        for frame in self._frames_of(context.frame_size or 960):
            yield from self._timed(self._output.encode(frame))
        yield from self._timed(self._output.encode(None))

    def _timed(self, packets: list[av.Packet]) -> Iterator[tuple[Fraction, av.Packet]]:
        for packet in packets:
            yield Fraction((packet.pts or 0) * (packet.time_base or 0)), packet

    def _frames_of(self, size: int) -> Iterator[av.AudioFrame]:
        """Frames of ``size`` samples in the encoder's format, without a gap from sample 0 on."""
        context = self._output.codec_context
        fifo = av.AudioFifo()
        for samples in self._samples():
            frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout=context.layout.name)
            frame.sample_rate, frame.pts = context.sample_rate, None
            fifo.write(frame)
            while (ready := fifo.read(size)) is not None:
                yield self._stamped(ready, context.format.name)
        rest = fifo.read(0, partial=True)
        if rest is not None:
            yield self._stamped(rest, context.format.name)

    def _stamped(self, frame: av.AudioFrame, wanted_format: str) -> av.AudioFrame:
        if frame.format.name != wanted_format:
            resampler = av.AudioResampler(format=wanted_format, layout=frame.layout, rate=frame.sample_rate)
            frame = resampler.resample(frame)[0]
        frame.pts, self._written = self._written, self._written + frame.samples
        frame.time_base = Fraction(1, frame.sample_rate)
        return frame

    def _decoded(self) -> Iterator[av.AudioFrame]:
        """Damaged packets are passed over; the gap they leave is filled with silence."""
        for packet in self._source.demux(self._input):
            with contextlib.suppress(av.error.InvalidDataError):
                yield from packet.decode()

    def _samples(self) -> Iterator[Floats]:
        """(channels, n) float32 from the exact beginning of the range to its end."""
        context = self._output.codec_context
        rate = context.sample_rate
        resampler = av.AudioResampler(format="fltp", layout=context.layout.name, rate=rate)
        total = None if self._length is None else round(self._length * rate)
        done = 0
        for decoded in self._decoded():
            if decoded.pts is None or decoded.time_base is None:
                continue
            at = round((decoded.pts * decoded.time_base - self._zero) * rate)
            samples = np.concatenate(
                [f.to_ndarray() for f in resampler.resample(decoded)] or [_silence(context, 0)], axis=1
            )
            if abs(at - done) > _GAP * rate or done == 0:
                if at > done:
                    samples = np.concatenate([_silence(context, at - done), samples], axis=1)
                else:
                    samples = samples[:, min(done - at, samples.shape[1]) :]
            if total is not None:
                samples = samples[:, : max(total - done, 0)]
            done += samples.shape[1]
            if samples.shape[1]:
                yield np.ascontiguousarray(samples)
            if total is not None and done >= total:
                return


def _silence(context: av.AudioCodecContext, count: int) -> Floats:
    return np.zeros((context.layout.nb_channels, count), np.float32)
