"""The invisible watermark: it is found again after what happens to pictures, and nowhere else."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import repeat

import av
import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tests.synthetic_face import draw_face

from enliven.assets import builtin_photo
from enliven.media.image import read_photo
from enliven.provenance import watermark, watermark_search
from enliven.provenance.watermark import LIKELY_SCORE, SURE_SCORE, Watermark, WatermarkReading, read_watermark
from enliven.provenance.watermark_pattern import (
    HIGHEST,
    LOWEST,
    SYMBOL_CARRIERS,
    SYNC,
    TILE_PX,
    payload_of,
    symbols_of,
    tile,
)
from enliven.types import Picture

PAYLOAD = 0xC0FFEE42
PAYLOADS = st.integers(0, 2**32 - 1)


def psnr(one: Picture, other: Picture) -> float:
    error = np.mean(np.square(one.astype(np.float64) - other))
    return float(10 * np.log10(255**2 / error))


def photo(side: int) -> Picture:
    return cv2.resize(read_photo(builtin_photo()), (side, side), interpolation=cv2.INTER_AREA)


def gradient(width: int, height: int) -> Picture:
    """Nothing but a slope of grey: where a mark is seen first and carried worst."""
    slope = np.add.outer(np.linspace(60, 120, height), np.linspace(0, 60, width))
    return np.repeat(slope.round().astype(np.uint8)[..., None], 3, axis=2)


def drawn(side: int) -> Picture:
    return draw_face(side, (side / 2, side / 2), side / 8)[0]


def marked(picture: Picture, payload: int = PAYLOAD) -> Picture:
    return Watermark(payload, (picture.shape[1], picture.shape[0])).mark(picture)


@pytest.fixture(scope="module")
def video() -> list[Picture]:
    """Eight marked frames of the built-in photo, sliding by a pixel and a half each; the mark stands still."""
    whole = photo(576)
    places = [np.array([[1, 0, -1.5 * n], [0, 1, -n]]) for n in range(8)]
    mark = Watermark(PAYLOAD, (512, 512))
    return [mark.mark(np.asarray(cv2.warpAffine(whole, place, (512, 512)), np.uint8)) for place in places]


# What is added


@pytest.mark.parametrize(
    "picture", [photo(512), drawn(512), gradient(640, 360)], ids=["photo", "drawn", "slope"]
)
def test_the_mark_stays_above_42_db(picture: Picture) -> None:
    assert 42.0 < psnr(marked(picture), picture) < 55.0


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 300), st.integers(1, 300), PAYLOADS)
def test_any_size_is_marked_in_shape_and_within_a_few_levels(width: int, height: int, payload: int) -> None:
    noise = np.random.default_rng(width).integers(0, 256, (height, width, 3), np.uint8)
    result = marked(noise, payload)
    assert (result.shape, result.dtype) == (noise.shape, np.uint8)
    assert np.abs(result.astype(int) - noise).max() <= watermark.BUSY_STRENGTH * watermark.CREST + 1


def test_colours_stay_and_only_the_brightness_moves() -> None:
    picture = photo(256)[64:192, 64:192]
    change = marked(picture).astype(int) - picture
    inside = (picture > 12).all(axis=2) & (picture < 243).all(axis=2)
    np.testing.assert_array_equal(np.ptp(change[inside], axis=1), 0)


def test_busy_places_carry_more_than_flat_ones() -> None:
    picture = gradient(512, 512)
    picture[:, 256:] = np.random.default_rng(0).integers(60, 200, (512, 256, 1), np.uint8)
    change = np.abs(marked(picture).astype(int) - picture)
    assert change[:, 300:].mean() > 1.5 * change[:, :200].mean()


def test_marking_leaves_the_picture_given_alone_and_repeats_exactly() -> None:
    picture = drawn(200)
    before, mark = picture.copy(), Watermark(PAYLOAD, (200, 200))
    np.testing.assert_array_equal(mark.mark(picture), mark.mark(picture))
    np.testing.assert_array_equal(picture, before)


def test_another_size_than_agreed_is_refused() -> None:
    with pytest.raises(ValueError, match="made for"):
        Watermark(PAYLOAD, (64, 80)).mark(np.zeros((64, 80, 3), np.uint8))


@pytest.mark.parametrize("payload", [-1, 2**32])
def test_a_payload_beyond_32_bits_is_refused(payload: int) -> None:
    with pytest.raises(ValueError, match="32 bits"):
        Watermark(payload, (64, 64))


# The pattern


@given(PAYLOADS)
def test_every_payload_comes_back_from_its_symbols(payload: int) -> None:
    assert payload_of(symbols_of(payload)) == payload


def test_wrong_symbols_do_not_fit_the_check_bits() -> None:
    random = np.random.default_rng(0)
    fitting = [payload_of(random.integers(0, 1024, 5).tolist()) for _ in range(5000)]
    assert sum(payload is not None for payload in fitting) <= 1  # 0.02 are to be expected


@given(PAYLOADS, st.integers(0, 4), st.integers(1, 1023))
def test_a_changed_symbol_never_gives_the_same_payload(payload: int, place: int, change: int) -> None:
    symbols = symbols_of(payload)
    symbols[place] ^= change
    assert payload_of(symbols) != payload


def test_carriers_share_no_frequency_and_fill_the_ring() -> None:
    bins = [tuple(each) for carrier in (SYNC, *SYMBOL_CARRIERS) for each in carrier.bins.tolist()]
    assert len(set(bins)) == len(bins)
    radii = np.hypot(*np.array(bins).T)
    assert radii.min() >= LOWEST
    assert radii.max() <= HIGHEST


@settings(max_examples=10, deadline=None)
@given(PAYLOADS)
def test_a_tile_has_no_brightness_of_its_own_and_joins_itself(payload: int) -> None:
    one = tile(payload)
    assert abs(one.mean()) < 1e-5
    assert one.std() == pytest.approx(1.0)
    seam = np.abs(one[:, 0] - one[:, -1]).mean()
    assert seam < 1.5 * np.abs(np.diff(one, axis=1)).mean()


# Found again

Attack = Callable[[Sequence[Picture]], list[Picture]]


def h264(crf: int, rate: int = 25) -> Attack:
    def attack(pictures: Sequence[Picture]) -> list[Picture]:
        file = io.BytesIO()
        with av.open(file, "w", format="mp4") as container:
            stream = container.add_stream("libx264", rate=rate, options={"crf": str(crf), "threads": "1"})
            stream.height, stream.width = pictures[0].shape[:2]
            stream.pix_fmt = "yuv420p"
            for picture in pictures:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode())
        file.seek(0)
        with av.open(file) as container:
            return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]

    return attack


def scaled(factor: float) -> Attack:
    kind = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC

    def attack(pictures: Sequence[Picture]) -> list[Picture]:
        return [cv2.resize(p, None, fx=factor, fy=factor, interpolation=kind) for p in pictures]

    return attack


def cropped(pictures: Sequence[Picture]) -> list[Picture]:
    """20 % from each side."""
    height, width = (round(0.2 * n) for n in pictures[0].shape[:2])
    return [np.ascontiguousarray(p[height:-height, width:-width]) for p in pictures]


def tones(gain: float, shift: float) -> Attack:
    return lambda pictures: [cv2.convertScaleAbs(p, alpha=gain, beta=shift) for p in pictures]


def gif(pictures: Sequence[Picture]) -> list[Picture]:
    """256 colours, as many as a frame of it has."""
    return [np.asarray(Image.fromarray(p).quantize(256, kmeans=0).convert("RGB")) for p in pictures[:3]]


def mirrored(pictures: Sequence[Picture]) -> list[Picture]:
    return [np.ascontiguousarray(p[:, ::-1]) for p in pictures]


def screen_recorded(pictures: Sequence[Picture]) -> list[Picture]:
    """Shown somewhat larger, every fifth frame twice, encoded again at 30 a second."""
    larger = scaled(1.25)(pictures)
    doubled = [p for n, p in enumerate(larger) for p in [p] * (1 + (n % 5 == 4))]
    return h264(28, rate=30)(doubled)


ATTACKS: dict[str, Attack] = {
    "nothing": list,
    "h264 crf 28": h264(28),
    "half the size": scaled(0.5),
    "twice the size": scaled(2.0),
    "20 % cut from each side": cropped,
    "brighter": tones(1.2, 0),
    "darker": tones(0.8, 0),
    "more contrast": tones(1.2, -25.6),
    "less contrast": tones(0.8, 25.6),
    "gif": gif,
    "mirrored": mirrored,
    "screen recording": screen_recorded,
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_the_payload_survives(attack: Attack, video: list[Picture]) -> None:
    reading = read_watermark(attack(video))
    assert reading.found
    assert reading.payload == PAYLOAD
    assert reading.confidence > 0.9999


@settings(max_examples=6, deadline=None)
@given(PAYLOADS, st.integers(0, 60), st.integers(0, 60))
def test_any_payload_is_read_from_any_cut_of_one_picture(payload: int, left: int, top: int) -> None:
    cut = marked(photo(512), payload)[top : top + 440, left : left + 440]
    assert read_watermark([cut]).payload == payload


def test_a_flat_slope_carries_the_mark_through_jpeg() -> None:
    _, data = cv2.imencode(".jpg", marked(gradient(512, 512)), [cv2.IMWRITE_JPEG_QUALITY, 75])
    assert read_watermark([np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)]).payload == PAYLOAD


# Not found where it is not


@pytest.mark.parametrize(
    "picture",
    [photo(512), photo(200), drawn(512), gradient(300, 400), np.zeros((256, 256, 3), np.uint8)],
    ids=["photo", "small photo", "drawn", "slope", "black"],
)
def test_an_unmarked_picture_holds_nothing(picture: Picture) -> None:
    reading = read_watermark([picture] * 3)
    assert (reading.found, reading.payload) == (False, None)
    assert reading.confidence < 0.9999


def test_a_pattern_of_another_make_is_not_ours() -> None:
    waves = np.tile(np.random.default_rng(5).normal(0, 3, (TILE_PX, TILE_PX)), (4, 4))
    other = np.clip(photo(512) + cv2.GaussianBlur(waves, (0, 0), 2)[..., None] * 4, 0, 255).astype(np.uint8)
    assert not read_watermark([other]).found


def test_scores_without_a_mark_stay_under_their_bound() -> None:
    noise = np.random.default_rng(3)
    best = [
        watermark_search.find_places(noise.normal(size=(160, 160)).astype(np.float32))[0] for _ in range(8)
    ]
    assert max(place.score for place in best) < LIKELY_SCORE
    assert min(place.score for place in best) > 3.0  # the best of millions: the search does look


def test_thresholds_keep_false_alarms_under_one_in_ten_thousand_files() -> None:
    alone = 1 - watermark._confidence(SURE_SCORE, read=False)
    with_payload = 1 - watermark._confidence(LIKELY_SCORE, read=True)
    assert alone + with_payload < 1e-4


@pytest.mark.parametrize("shape", [(4, 4, 3), (1, 900, 3), (63, 200, 3)])
def test_a_picture_too_small_to_hold_it_is_said_to_hold_nothing(shape: tuple[int, int, int]) -> None:
    reading = read_watermark([np.full(shape, 99, np.uint8)])
    assert reading == WatermarkReading(False, None, 0.0, 1)


def test_no_pictures_hold_nothing() -> None:
    assert read_watermark([]) == WatermarkReading(False, None, 0.0, 0)


# Reading long and odd videos


def test_reading_stops_once_it_is_sure(video: list[Picture]) -> None:
    taken = iter(repeat(video[0], 1000))
    reading = read_watermark(taken)
    assert reading.frames == watermark.LOOKS[0]
    assert sum(1 for _ in taken) == 1000 - watermark.LOOKS[0]


def test_a_long_unmarked_video_is_not_read_to_its_end() -> None:
    slope = gradient(64, 64)
    taken = iter(repeat(slope, 5000))
    assert read_watermark(taken).frames == watermark.LOOKS[-1]
    assert sum(1 for _ in taken) > 4700


def test_a_change_of_size_on_the_way_begins_anew(video: list[Picture]) -> None:
    small = [drawn(100)] * 5
    reading = read_watermark([*small, *video])
    assert reading.payload == PAYLOAD
    assert reading.frames < len(video)


def test_a_second_of_marked_frames_is_found_whatever_the_clock(video: list[Picture]) -> None:
    for rate in (Fraction(1, 2), Fraction(3, 2)):
        chosen = [video[int(n * rate) % len(video)] for n in range(8)]
        assert read_watermark(chosen).payload == PAYLOAD
