"""What can go wrong, as one tree.

::

    EnlivenError
    ├── InputError            the user's material cannot be used            (exit code 1)
    │   ├── MediaError        a picture, video or sound file
    │   ├── FaceError         no face, too small, the wrong face
    │   ├── MotionFileError   a .motion file
    │   ├── OutputError       where the result should go
    │   ├── ModelError        weights, heads, checkpoints
    │   ├── DatabankError     a databank, its shards, its videos
    │   ├── TrainingError     a run that cannot start, resume or go on
    │   ├── ProvenanceError   credentials, keys, marks
    │   └── ConsentError      the terms were not accepted                    (exit code 2)
    ├── MissingExtraError     a part that is not installed                  (exit code 1)
    └── UsageError            options that contradict each other            (exit code 2)

Every message says what was found, what was needed and what to try, in one or two sentences.
"""

from __future__ import annotations


class EnlivenError(Exception):
    """Any failure that enliven foresees; its text is meant for the user as it stands."""

    exit_code = 1


class InputError(EnlivenError):
    """The user's material cannot be used."""


class MediaError(InputError):
    """A picture, video or sound file is missing, broken or of the wrong kind."""


class FaceError(InputError):
    """No usable face was found where one was needed."""


class MotionFileError(InputError):
    """A ``.motion`` file is corrupt, truncated or newer than this program."""


class OutputError(InputError):
    """The result cannot be written where it was asked for."""


class ModelError(InputError):
    """Weights, a head or a checkpoint cannot be used."""


class DatabankError(InputError):
    """A databank, one of its shards or its source videos cannot be used."""


class TrainingError(InputError):
    """A training run cannot start, resume or go on."""


class ProvenanceError(InputError):
    """Credentials, keys or marks cannot be read or made."""


class ConsentError(InputError):
    """The terms of use have not been accepted."""

    exit_code = 2


class MissingExtraError(EnlivenError):
    """A part of enliven that is not installed is needed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(
            f"{what} needs the extra '{extra}', which is not installed. Try: pip install 'enliven[{extra}]'"
        )


class UsageError(EnlivenError):
    """Options that contradict each other or make no sense together."""

    exit_code = 2
