"""`enliven doctor`: what is installed and found, and what to do about each lack."""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import metadata, util
from pathlib import Path
from typing import Annotated

import typer


@dataclass(frozen=True)
class Finding:
    """One thing that was looked for."""

    what: str
    found: str
    """What is there, in a few words."""
    ok: bool
    needed: bool
    """True when the main job does not work without it."""
    advice: str = ""
    """What to do when it is lacking."""


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Tell what is installed, which CPU features, GPU, codecs and models are found, and what is lacking.

    Exit code 1 when something that animating needs is lacking.
    """
    findings = examine()
    if as_json:
        typer.echo(json.dumps({"findings": [asdict(finding) for finding in findings]}, indent=2))
    else:
        _print(findings)
    if any(finding.needed and not finding.ok for finding in findings):
        raise typer.Exit(1)


def examine() -> list[Finding]:
    """Everything that is looked for, in the order in which it is shown."""
    findings = [_python(), _machine(), _cpu(), *_packages()]
    for check in (_landmark_model, _weights, _video_codecs, _gpu, _memory):
        findings.append(_guarded(check))
    return findings


def _guarded(check: Callable[[], Finding]) -> Finding:
    """A doctor must not die of the patient: a check that breaks is itself a finding."""
    try:
        return check()
    except Exception as error:
        return Finding(check.__name__.strip("_"), f"{type(error).__name__}: {error}", False, False)


def _print(findings: list[Finding]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, show_header=False)
    for finding in findings:
        mark = "[green]ok[/]" if finding.ok else ("[red]lacking[/]" if finding.needed else "[yellow]-[/]")
        advice = "" if finding.ok else finding.advice
        table.add_row(mark, finding.what, finding.found + (f"\n[dim]{advice}[/]" if advice else ""))
    Console().print(table)


def _python() -> Finding:
    version = sys.version_info[:2]
    return Finding(
        "Python",
        f"{platform.python_version()} at {sys.executable}",
        (3, 10) <= version <= (3, 12),
        True,
        "Use Python 3.10, 3.11 or 3.12: the landmark library has no build for others.",
    )


def _machine() -> Finding:
    return Finding(
        "machine", f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores", True, False
    )


def _cpu() -> Finding:
    wanted = ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "asimd")
    info = Path("/proc/cpuinfo")
    flags = set(info.read_text().replace("\n", " ").split()) if info.exists() else set()
    found = [name for name in wanted if name in flags]
    return Finding("CPU features", ", ".join(found) or "unknown on this system", True, False)


def _packages() -> list[Finding]:
    """Each library with its version; those of extras say which extra brings them."""
    core = (
        "numpy", "mediapipe", "opencv-contrib-python", "openvino", "av", "pillow", "c2pa-python", "cryptography",
        "typer", "rich", "threadpoolctl",
    )  # fmt: skip
    extras = {"pillow-heif": ("HEIC photos", "heic")}
    findings = [_package(name, True, "pip install --force-reinstall enliven") for name in core]
    for name, (purpose, extra) in extras.items():
        findings.append(_package(name, False, f"Only for {purpose}: pip install 'enliven[{extra}]'"))
    return findings


def _package(name: str, needed: bool, advice: str) -> Finding:
    try:
        return Finding(name, metadata.version(name), True, needed)
    except metadata.PackageNotFoundError:
        return Finding(name, "not installed", False, needed, advice)


def _landmark_model() -> Finding:
    spec = util.find_spec("mediapipe")
    folder = Path(spec.origin).parent if spec and spec.origin else Path("/nowhere")
    model = folder / "modules/face_landmark/face_landmark_with_attention.tflite"
    found = f"{model.name}, {model.stat().st_size // 1024} KB" if model.exists() else "missing"
    return Finding(
        "landmark model", found, model.exists(), True, "pip install mediapipe==0.10.21 carries it."
    )


def _weights() -> Finding:
    from enliven.assets import builtin_weights
    from enliven.errors import ModelError
    from enliven.model.runtime import WEIGHTS
    from enliven.model.weights_file import check_tensors, read_about

    file = builtin_weights() / WEIGHTS
    advice = "pip install --force-reinstall enliven; until then: --engine warp, which needs no weights."
    try:
        about = read_about(file)
        check_tensors(file, about)
    except ModelError as error:
        return Finding("weights", str(error), False, False, advice)
    megabytes = file.stat().st_size / 1e6
    return Finding(
        "weights", f"{about['preset']}, step {about['step']}, {megabytes:.1f} MB", True, True, advice
    )


def _video_codecs() -> Finding:
    import av.codec

    wanted = {"libx264": "mp4", "libvpx-vp9": "webm", "aac": "sound in mp4", "libopus": "sound in webm"}
    missing = [f"{name} ({purpose})" for name, purpose in wanted.items() if name not in av.codecs_available]
    found = "missing " + ", ".join(missing) if missing else "H.264, VP9, AAC, Opus"
    return Finding("video codecs", found, not missing, True, "pip install --force-reinstall av")


def _gpu() -> Finding:
    found = "NVIDIA driver present" if shutil.which("nvidia-smi") else "none found"
    from enliven.model.runtime import devices

    usable = [name for name in devices() if name.startswith("GPU")]
    use = f"OpenVINO can use {', '.join(usable)}: --device gpu" if usable else "the networks run on the CPU"
    return Finding("GPU", f"{found}; {use}", True, False)


def _memory() -> Finding:
    if not hasattr(os, "sysconf"):
        return Finding("memory", "unknown on this system", True, False)
    gigabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    advice = "Animating needs about 1 GB; close other programs."
    return Finding("memory", f"{gigabytes:.1f} GB", gigabytes >= 1.5, False, advice)
