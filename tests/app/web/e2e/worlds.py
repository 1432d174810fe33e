"""Small projects whose truth is known: films that show their own frame numbers, runs that saw.

The number of a frame stands on its top edge as 16 cells, the highest bit first, so that a page
can read it off its canvas.
"""

from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from gambol.core import poses as core_poses
from gambol.core.skeleton import Skeleton
from gambol.io.project import Project, Suggestion
from gambol.io.project_changes import RowChange, apply

BITS = 16
NAMES = (
    "nose", "left ear", "right ear", "neck", "left shoulder", "right shoulder", "spine",
    "left hip", "right hip", "rump", "tail 1", "tail 2", "tail 3",
)  # fmt: skip
MOUSE = Skeleton(
    NAMES,
    (3, 0, 0, 6, 3, 3, -1, 6, 6, 6, 9, 10, 11),
    (-1, 2, 1, -1, 5, 4, -1, 8, 7) + (-1,) * 4,
)
J = len(NAMES)
KINDS = {  # of films: encoder, its options
    "cfr": ("libx264", {"g": "30", "bf": "0"}),
    "vfr": ("libx264", {"g": "40", "bf": "0"}),
    "bframes": ("libx264", {"g": "48", "bf": "3"}),
    "hevc": ("libx265", {"x265-params": "log-level=none:keyint=40"}),
    "mjpeg": ("mjpeg", {}),
    "vp9": ("libvpx-vp9", {"g": "40", "deadline": "realtime", "cpu-used": "8"}),
    "av1": ("libsvtav1", {"g": "40", "preset": "10"}),
    "open": ("libx264", {"x264-params": "open-gop=1:bframes=3:keyint=40:min-keyint=40"}),
    "long": ("libx264", {"g": "250", "bf": "0", "sc_threshold": "0"}),
}


def picture(number, size, texture):
    """A grey texture that drifts by the frame, with the bar code on top; (H, W) uint8."""
    image = np.roll(texture, (2 * number) % texture.shape[1], 1).copy()
    cell = size // BITS
    for bit in range(BITS):
        shade = 235 if number >> (BITS - 1 - bit) & 1 else 20
        image[: size // 16, bit * cell : (bit + 1) * cell] = shade
    return image


def texture(size, seed=0):
    """Blobs of grey; (size, size) uint8."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size] * (256 / size)
    waves = sum(
        np.sin(a * x / 40 + b * y / 40 + c) for a, b, c in rng.integers(1, 7, (6, 3)).tolist()
    )
    return np.clip(128 + 14 * waves, 40, 215).astype(np.uint8)


def encoder(kind):
    """Whether this machine can write films of a kind."""
    try:
        av.codec.Codec(KINDS[kind][0], "w")
    except av.codec.codec.UnknownCodecError:
        return False
    return True


def film(path, n=120, size=256, kind="cfr", fps=30, quick=True, turn=0):
    """Write a film; `vfr` shows frames for 1 to 4 ticks of a 120th of a second.

    `turn`: degrees by which players are told to turn it.
    """
    # libsvtav1 gives root's thread that opens it real-time priority, which never ends and which
    # all processes started later inherit: the thread must not outlive the film
    with ThreadPoolExecutor(1) as writer:
        return writer.submit(_film, path, n, size, kind, fps, quick, turn).result()


def _film(path, n, size, kind, fps, quick, turn):
    path.parent.mkdir(parents=True, exist_ok=True)
    codec, options = KINDS[kind]
    pace = {"preset": "ultrafast" if quick else "veryfast"}
    speed = pace if codec.startswith("libx26") else {}
    held = np.random.default_rng(7).integers(1, 5, n).cumsum() if kind == "vfr" else None
    surface = texture(size)
    with av.open(str(path), "w") as container:
        rate = 120 if held is not None else fps
        stream = container.add_stream(codec, rate=rate, options={**speed, **options})
        stream.width = stream.height = size
        stream.pix_fmt = "yuvj420p" if kind == "mjpeg" else "yuv420p"
        stream.codec_context.thread_count = 1
        if turn:
            stream.set_display_rotation(turn)
        for number in range(n):
            shown = np.repeat(picture(number, size, surface)[..., None], 3, -1)
            frame = av.VideoFrame.from_ndarray(shown, format="rgb24")
            frame = frame.reformat(format=stream.pix_fmt)
            frame.pts = number if held is None else int(held[number] - held[0])
            frame.time_base = Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def project(folder, films, animals=("mouse 1",), suggested=(), skeleton=MOUSE):
    """A project of some films; `suggested` are frames of the first."""
    with Project.create(folder, skeleton) as made:
        for path in films:
            made.add_video(path)
        for k, name in enumerate(animals, 1):
            row = RowChange("individuals", [k], None, {"name": name})
            apply(made, f"name {k:8d}", "name an animal", [row], "ann")
        if suggested:
            made.set_suggestions([Suggestion(1, f, "chosen by hand", None) for f in suggested])
    return folder


def truth(n_animals, frames, size=256):
    """Poses of animals that walk on circles, px; (T, N, J, 2)."""
    body = np.stack([np.linspace(-1, 1, J), 0.35 * np.sin(np.arange(J) * 2.2)], -1) * size / 16
    k = np.arange(n_animals)
    columns = int(np.ceil(np.sqrt(n_animals)))
    step = size / (columns + 0.5)
    home = np.stack([(k % columns + 0.75) * step, (k // columns + 0.85) * step], -1)
    turn = 0.05 * np.arange(frames)[:, None] + k
    middle = home + 0.1 * step * np.stack([np.cos(turn), np.sin(turn)], -1)
    return middle[:, :, None] + body


def saw(folder, film, xy, run="predict-1", names=None):
    """Write a run that saw an array of poses (T, N, J, 2)."""
    path = Path(folder) / "runs" / run / "out" / f"{Path(film).name}.nc"
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = xy.shape[:3]
    names = names or tuple(f"track {k + 1}" for k in range(shape[1]))
    made = core_poses.build(
        xy.astype(np.float64), np.full(shape, 0.9),
        np.broadcast_to(4.0 * np.eye(2), (*shape, 2, 2)).copy(), np.arange(shape[0]) / 30,
        MOUSE, fps=30.0, individuals=names, attrs={"source_file": str(film)},
    )  # fmt: skip
    made.to_netcdf(path, engine="h5netcdf")
    return path
