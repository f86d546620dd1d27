"""What this installation can do, what is missing, and how to get it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from finepick import __version__, kernels
from finepick.batch.pool import ReaderPool
from finepick.errors import FinepickError, MissingExtraError
from finepick.scorers.fgaesq.fetched import HOW_TO_FETCH, fetched_files
from finepick.settings import Settings
from finepick.store.database import Cache

_EXTRAS = (
    ("rawpy", "raw", "RAW photos through their embedded preview"),
    ("pyarrow", "parquet", "Parquet tables"),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `remedy` says how to get it where it is missing."""

    name: str
    works: bool
    detail: str
    remedy: str = ""

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


def examine(settings: Settings) -> list[Finding]:
    """Everything worth knowing of this installation, by trying it where that is cheap."""
    return [
        Finding("finepick", True, f"{__version__}, Python {platform.python_version()}, {platform.system()}"),
        _kernels(),
        *_formats(),
        *_extras(),
        _torch(),
        _fgaesq(settings),
        _readers(settings),
        _cache(settings),
        _home("models", settings.models_folder),
    ]


def _kernels() -> Finding:
    name = "compiled kernels"
    if kernels.compiled is not None:
        return Finding(name, True, "in C")
    if os.environ.get("FINEPICK_KERNELS") == "numpy":
        return Finding(name, False, "FINEPICK_KERNELS says numpy: slower", "unset FINEPICK_KERNELS")
    remedy = "install a C compiler, then reinstall finepick"
    return Finding(name, False, "not built: NumPy does the same, slower", remedy)


def _formats() -> Iterator[Finding]:
    from PIL import features

    yield Finding(
        "JPEG, PNG, TIFF, GIF", bool(features.check("jpg") and features.check("zlib")), _version("pillow")
    )
    yield Finding(
        "WebP", bool(features.check("webp")), _version("pillow"), _hint(features.check("webp"), "pillow")
    )
    heif = importlib.util.find_spec("pillow_heif") is not None
    yield Finding("HEIC, AVIF", heif, _version("pillow-heif"), _hint(heif, "pillow-heif"))


def _extras() -> Iterator[Finding]:
    for module, extra, purpose in _EXTRAS:
        there = importlib.util.find_spec(module) is not None
        remedy = "" if there else f"pip install 'finepick[{extra}]'"
        yield Finding(purpose, there, _version(module) if there else "not installed", remedy)


def _torch() -> Finding:
    name = "learned models"
    if importlib.util.find_spec("torch") is None:
        return Finding(name, False, "torch is not installed", "pip install 'finepick[torch]'")
    try:
        import torch
    except (ImportError, OSError) as error:  # OSError: a library of it that does not fit this system
        return Finding(name, False, f"torch cannot be loaded: {error}", "pip install --force-reinstall torch")
    try:
        from finepick.scorers.fgaesq.torch_runner import find_device, has_fast_bf16
    except MissingExtraError as error:  # torch came alone
        return Finding(name, False, error.message, "pip install 'finepick[torch]'")
    device = find_device("auto")
    names = {"cpu": "no GPU", "mps": "GPU of this Mac"}
    shown = names.get(device.type) or f"GPU {torch.cuda.get_device_name(device)}"
    bf16 = "with bfloat16" if has_fast_bf16(device) else "without bfloat16"
    return Finding(name, True, f"torch {torch.__version__}, {shown}, {bf16}")


def _fgaesq(settings: Settings) -> Finding:
    here = fetched_files(settings)
    if here is None:
        return Finding("weights of fgaesq", False, "not fetched", HOW_TO_FETCH)
    return Finding("weights of fgaesq", True, f"{here.weights} (commit {here.commit[:12]})")


def _readers(settings: Settings) -> Finding:
    from finepick.batch.messages import Request

    pool = ReaderPool(
        workers=1, seconds=settings.seconds_per_photo, memory_bytes=settings.worker_memory_bytes
    )
    try:
        with pool:
            pool.ask(Request("examine", os.devnull, 64))
    except FinepickError as error:
        return Finding("reading processes", False, error.message, "reinstall finepick")
    return Finding(
        "reading processes",
        True,
        f"{settings.workers}, {settings.seconds_per_photo:g} s a photo at most",
        "FINEPICK_WORKERS, FINEPICK_SECONDS_PER_PHOTO",
    )


def _cache(settings: Settings) -> Finding:
    complaints: list[str] = []
    with Cache.open(settings.cache_folder, warn=complaints.append) as cache:
        size = cache.size_bytes
        where = f"{settings.cache_folder} ({size / 2**20:.1f} MB; delete it at any time)"
    return Finding("cache", not complaints, complaints[0] if complaints else where, "FINEPICK_HOME")


def _home(name: str, folder: str) -> Finding:
    return Finding(name, True, folder if os.path.isdir(folder) else f"{folder} (nothing fetched yet)")


def _version(distribution: str) -> str:
    try:
        return f"{distribution} {importlib.metadata.version(distribution)}"
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _hint(there: object, distribution: str) -> str:
    return "" if there else f"pip install --upgrade {distribution}"
