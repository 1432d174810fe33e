"""What `gambol doctor` looks at: is everything here that work needs, and how fast is it."""

import platform
import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple


class Check(NamedTuple):
    """One line of the diagnosis."""

    name: str
    ok: bool
    found: str
    remedy: str = ""


def examine() -> list[Check]:
    """Look at Python, libraries, devices, codecs, disk and cache."""
    return [_python(), _torch(), _openvino(), _codecs(), _memory(), _disk(), _cache()]


def _python() -> Check:
    return Check("python", True, f"{platform.python_version()} on {platform.platform()}")


def _torch() -> Check:
    import torch

    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    threads = f"{torch.get_num_threads()} threads"
    return Check(
        "torch", True, f"{torch.__version__}, {', '.join(gpus) or 'no GPU'}, {threads}"
    )


def _openvino() -> Check:
    from gambol.nn.engine import import_openvino, openvino_core

    try:
        openvino = import_openvino()
    except ImportError:
        return Check(
            "openvino", False, "absent", "pip install openvino: 2-3 times faster on CPUs"
        )
    able = openvino_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    fast = (
        "bfloat16 is native" if "BF16" in able else "no bfloat16: `--precision fast` is no gain"
    )
    return Check("openvino", True, f"{openvino.__version__.split('-')[0]}, {fast}")


def _codecs() -> Check:
    import av

    missing = [name for name in ("h264", "hevc", "mjpeg", "mpeg4") if not _decodes(name)]
    found = f"PyAV {av.__version__}" + (
        f", cannot read {', '.join(missing)}" if missing else ""
    )
    return Check(
        "video", not missing, found, "reinstall PyAV: pip install --force-reinstall av"
    )


def _decodes(name: str) -> bool:
    import av

    try:
        av.Codec(name, "r")
    except ValueError:
        return False
    return True


def _memory() -> Check:
    from gambol.io.frames import free_memory, told_memory

    if told_memory() is None:
        room = free_memory() / 2**30
        return Check("memory", True, f"this system does not say; {room:.0f} GiB are assumed")
    free = free_memory() / 2**30
    return Check("memory", free > 2, f"{free:.1f} GiB free", "close other programs")


def _disk() -> Check:
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    return Check("disk", free > 2, f"{free:.1f} GiB free here", "free some space")


def _cache() -> Check:
    from gambol.io.video.table import cache_folder

    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = f"{folder} cannot be written ({error.strerror})"
        return Check("cache", False, reason, "set GAMBOL_CACHE to a folder of yours")
    return Check("cache", True, str(folder))
