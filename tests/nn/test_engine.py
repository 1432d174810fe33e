import contextlib
import functools
import importlib.util
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from gambol.core.errors import InputError
from gambol.nn import engine
from gambol.nn.backbones.unet import UNetSpec
from gambol.nn.engine import Device, OpenVinoEngine, TorchEngine, choose_device
from gambol.nn.model import ModelSpec, PoseNet


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    spec = ModelSpec(backbone=UNetSpec(depth=2, filters=4), channels=3, keypoints=("a", "b"))
    made = PoseNet(spec).train()
    with torch.no_grad():
        made(torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8))  # batch statistics
    return made


def frames(n, height=32, width=48, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, height, width, 3), dtype=np.uint8)


def reference(net, images):
    with torch.no_grad():
        return net.eval()(torch.from_numpy(images.transpose(0, 3, 1, 2).copy()))[0].numpy()


@pytest.fixture(scope="module")
def engines(net):
    """Engines by kind and precision, each built once: conversion takes a second."""
    return functools.cache(
        lambda kind, precision="float32": engine.build(net, Device(kind, "cpu"), precision, 1)
    )


both = pytest.mark.parametrize("kind", ["torch", "openvino"])


@both
def test_an_engine_answers_like_the_network_at_every_size(net, engines, kind):
    run = engines(kind)
    for height, width in ((32, 48), (64, 16), (32, 48)):
        images = frames(2, height, width)
        (maps,) = run(images)
        assert maps.dtype == np.float32 and maps.shape == (2, 2, height // 2, width // 2)
        assert np.abs(maps - reference(net, images)).max() < 1e-5


@both
def test_a_frame_is_answered_alike_in_any_batch(net, engines, kind):
    run, images = engines(kind), frames(5)
    (together,) = run(images)
    for i in range(5):
        np.testing.assert_allclose(run(images[i : i + 1])[0][0], together[i], atol=1e-6)


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="asks Linux where threads run")
def test_threads_run_on_any_core_so_that_processes_do_not_share_one(engines):
    run, images, seen, done = (
        engines("openvino"),
        frames(40, 256, 256),
        set(),
        threading.Event(),
    )
    run(images[:1])  # compiled

    def look():
        while not done.is_set():
            for thread in Path("/proc/self/task").iterdir():
                with contextlib.suppress(OSError):
                    seen.add(frozenset(os.sched_getaffinity(int(thread.name))))

    looking = threading.Thread(target=look)
    looking.start()
    run(images)
    done.set()
    looking.join()
    assert seen == {frozenset(os.sched_getaffinity(0))}


@both
def test_frames_may_be_views_into_larger_ones(net, engines, kind):
    whole = frames(3, 80, 90)
    part = whole[:, 5:37, 7:55]
    np.testing.assert_array_equal(engines(kind)(part), engines(kind)(part.copy()))


@both
def test_few_digits_stay_near_many(net, engines, kind):
    images = frames(2)
    (near,) = engines(kind, "bfloat16")(images)
    expected = reference(net, images)
    assert near.dtype == np.float32
    assert np.abs(near - expected).max() < 0.05 * np.abs(expected).max()


@pytest.mark.parametrize("kind, made", [("torch", TorchEngine), ("openvino", OpenVinoEngine)])
def test_a_device_is_built_by_the_engine_that_it_names(engines, kind, made):
    assert isinstance(engines(kind), made) and isinstance(engines(kind), engine.Engine)
    assert engines(kind).name.startswith(kind) and engines(kind).name.endswith("cpu float32")


def gpus(monkeypatch, n):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: n)


def test_the_processor_runs_openvino_and_torch_when_asked(monkeypatch):
    gpus(monkeypatch, 0)
    assert choose_device("auto") == choose_device("cpu") == Device("openvino", "cpu")
    assert choose_device("torch") == Device("torch", "cpu")


def test_without_openvino_the_processor_runs_torch(monkeypatch):
    gpus(monkeypatch, 0)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert choose_device("auto") == Device("torch", "cpu")


def test_a_gpu_is_taken_where_there_is_one(monkeypatch):
    gpus(monkeypatch, 2)
    assert choose_device("auto") == Device("torch", "cuda")
    assert choose_device("cuda") == Device("torch", "cuda")
    assert choose_device("cuda:1") == Device("torch", "cuda:1")
    assert choose_device("cpu") == Device("openvino", "cpu")


@pytest.mark.parametrize(
    "n, asked, words",
    [
        (0, "cuda", "auto, cpu, torch"),
        (0, "gpu", "no device 'gpu'"),
        (2, "cuda:2", "cuda:1|cuda:0"),
        (2, "cuda:", "cuda:1"),
        (2, "cuda:x", "cuda:"),
        (0, "cqu", "did you mean 'cpu'"),
        (0, "", "auto, cpu, torch"),
    ],
)
def test_a_device_that_is_not_there_is_answered_with_those_that_are(
    monkeypatch, n, asked, words
):
    gpus(monkeypatch, n)
    with pytest.raises(InputError, match=words):
        choose_device(asked)


def test_a_cpu_takes_a_fixed_number_of_frames_at_once(engines):
    frame = frames(1, 32, 48)[0]
    assert engine.frames_at_once(engines("torch"), frame) == 16
    assert engine.frames_at_once(engines("openvino"), frame) == 16


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_gpu_takes_what_fits_its_memory(net):
    run = TorchEngine(net, "cuda", "float32", 0)
    assert 1 <= engine.frames_at_once(run, frames(1, 512, 512)[0]) <= 64


BUILDS = """
from gambol.nn import engine
from gambol.nn.backbones.unet import UNetSpec
from gambol.nn.model import ModelSpec, PoseNet
net = PoseNet(ModelSpec(backbone=UNetSpec(depth=2, filters=2), keypoints=("a",)))
made = [engine.build(net, engine.Device("openvino", "cpu"), "float32", 1) for _ in range(2)]
for one in made:
    one(np.zeros((1, 16, 16, 1), np.uint8))
"""


def told(code):
    """What a process of its own prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, (done.returncode, done.stderr)
    return done.stdout


def test_converting_leaves_the_network_as_it_was(net):
    net.train().requires_grad_()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    engine.build(net, Device("openvino", "cpu"), "float32", 1)(frames(1))
    assert net.training and all(p.requires_grad for p in net.parameters())
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_converting_a_network_starts_no_process_and_tells_nobody():
    pytest.importorskip("openvino")
    before = (
        "import multiprocessing.process as p, sys, time\nimport numpy as np\n"
        "p.BaseProcess.start = lambda self: print('started', self)\n"
    )
    after = (
        "time.sleep(0.5)\n"
        "print([m for m, v in sys.modules.items() if 'telemetry' in m and v is not None])\n"
    )
    text = told(before + BUILDS + after)
    assert "started" not in text and "openvino_telemetry" not in text


def test_signals_are_heard_after_networks_are_given_back():
    pytest.importorskip("openvino")
    before = "import faulthandler, gc, signal\nimport numpy as np\nfaulthandler.enable()\n"
    after = (
        "del one, made[0]\ngc.collect()\ndel made\ngc.collect()\n"
        "signal.signal(signal.SIGINT, lambda *_: print('heard'))\n"
        "signal.raise_signal(signal.SIGINT)\n"
    )
    assert told(before + BUILDS + after) == "heard\n"
