"""The clock tells steps from what is done beside them, and leaves time to end well."""

from __future__ import annotations

import time

import pytest

from enliven.training.clock import Clock


def test_rates_count_steps_and_not_what_is_done_beside() -> None:
    clock = Clock(None)
    with clock.closing("look"):
        time.sleep(0.2)
    clock.start()
    for step in range(1, 4):
        time.sleep(0.05)
        rates = clock.tick(step, 10, 8, waited_seconds=0.01 * step)
        with clock.closing("look"):
            time.sleep(0.1)
    assert rates["episodes_per_second"] == pytest.approx(8 / 0.05, rel=0.3)
    assert rates["seconds_left"] == pytest.approx(7 * 0.05, rel=0.3)
    assert rates["data_share"] == pytest.approx(0.2, rel=0.3)
    assert not clock.is_up()


def test_time_is_up_while_a_last_look_still_fits() -> None:
    clock = Clock(6.0 / 60)
    clock.start()
    assert not clock.is_up()
    with clock.closing("look"):
        time.sleep(1.2)
    clock.tick(1, 10, 8, 0.0)
    assert not clock.is_up()
    time.sleep(0.7)
    assert clock.is_up()  # 1.9 s gone; a look may take 1.8, saving 1.5, and a second is kept
