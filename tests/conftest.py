"""No test touches the user's own credentials and accepted terms: a folder of its own holds them."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:
    # Before numpy and torch are loaded: processes side by side with a thread for every core each mostly wait.
    os.environ.setdefault("OMP_NUM_THREADS", "1")

BELONGS_TO_THE_USER = ("ENLIVEN_CERT", "ENLIVEN_KEY", "ENLIVEN_TRUST", "ENLIVEN_TIMESTAMP_SERVER")

LONG = (
    "e2e/test_samples.py",
    "test_readme.py",
    "face/test_tracker.py",
    "training/test_meta_train.py",
    "evaluation/test_evaluate.py",
    "e2e/test_animate.py",
    "e2e/test_bad_input.py",
    "e2e/test_marking.py",
    "fitting/test_fit.py",
    "databank/test_build.py",
    "training/test_two_processes.py",
)
"""Files that take longest."""


@pytest.fixture(scope="session", autouse=True)
def own_config_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Processes that tests start inherit it."""
    kept = dict(os.environ)
    for name in BELONGS_TO_THE_USER:
        os.environ.pop(name, None)
    os.environ["ENLIVEN_CONFIG"] = str(tmp_path_factory.mktemp("config") / "enliven")
    os.environ["ENLIVEN_ACCEPT_TERMS"] = "1"
    yield
    os.environ.clear()
    os.environ.update(kept)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first: with two processes (`make test`) none is left alone with one at the end."""
    items.sort(key=lambda item: next((n for n, name in enumerate(LONG) if name in item.nodeid), len(LONG)))
