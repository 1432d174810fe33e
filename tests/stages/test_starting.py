import pytest
import torch
from films import small
from safetensors.torch import save_file

from gambol.core.errors import InputError
from gambol.io import run as io_run
from gambol.nn.backbones.resnet import ResNet, ResNetSpec
from gambol.stages import starting, train

NET = "backbone={kind: resnet, layers: 18, stride: 8}"
STEM = "backbone.encoder.stem.weight"


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    """A file of weights by the names of torchvision, of numbers that nobody learnt."""
    torch.manual_seed(3)
    held = {}
    for name, value in ResNet(ResNetSpec(layers=18)).state_dict().items():
        head, _, rest = name.partition(".")
        here = {"stem": "conv1", "norm": "bn1"}.get(head, "")
        if head == "stages":
            number, _, rest = rest.partition(".")
            here = f"layer{int(number) + 1}"
        held[f"{here}.{rest}"] = value
    path = tmp_path_factory.mktemp("weights") / "resnet18.safetensors"
    save_file(held, path)
    return path


def last(run):
    return io_run.read_weights(run / "last.safetensors")


@pytest.mark.slow
def test_an_encoder_stays_as_it_came_and_then_learns_slowly(encoder, recording, tmp_path):
    came = io_run.read_weights(encoder)["conv1.weight"]
    statistics = io_run.read_weights(encoder)["bn1.running_mean"]
    moved = []
    for freeze in (1.0, 0.5, 0.0):
        cfg = small(20).override([NET, f"start={encoder}", f"fit.freeze={freeze}"])
        run = train.run(cfg, recording.labels, tmp_path / str(freeze), threads=1)
        moved.append(float((last(run)[STEM] - came).abs().max()))
        if freeze == 1.0:
            assert torch.equal(last(run)["backbone.encoder.norm.running_mean"], statistics)
    assert moved[0] == 0 < moved[1] < moved[2]


@pytest.mark.slow
def test_a_run_that_was_killed_while_its_encoder_stayed_goes_on_the_same(
    encoder, recording, tmp_path
):
    cfg = small(20).override([NET, f"start={encoder}", "fit.freeze=0.75"])
    whole = train.run(cfg, recording.labels, tmp_path / "whole", threads=1)

    class Impatient:
        def enough(self):
            return False

        def heard(self, job, seen):
            if seen.step == 12:
                raise KeyboardInterrupt

        def evaluated(self, job, line, off):
            pass

    with pytest.raises(KeyboardInterrupt):
        train.run(cfg, recording.labels, tmp_path / "cut", threads=1, watch=Impatient())
    cut = train.run(cfg, recording.labels, tmp_path / "cut", threads=1)
    one, other = last(whole), last(cut)
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_run_is_gone_on_from_in_its_architecture(recording, trained, tmp_path):
    heard, cfg = [], small(2)
    cfg = cfg.model_copy(update={"backbone": None, "start": str(trained)})
    run = train.run(cfg, recording.labels, tmp_path / "on", threads=1, say=heard.append)
    one, other = (io_run.load(run).model.spec for run in (run, trained))
    assert one.backbone == other.backbone and one.backbone.filters == 8
    assert f"start: from {trained}; anew: nothing" in heard
    assert starting.backbone("imagenet") is None and starting.backbone(None) is None


def test_another_run_is_gone_on_from(recording, trained, tmp_path):
    heard = []
    cfg = small(20).override([f"start={trained}", "fit.rate=1e-5"])
    run = train.run(cfg, recording.labels, tmp_path / "on", threads=1, say=heard.append)
    assert f"start: from {trained}; anew: nothing" in heard
    first = io_run.read_log(run)[0]["val_px"]
    came, begun = (io_run.read_log(trained)[k]["val_px"] for k in (-1, 0))
    assert first < (came + begun) / 2  # not where a network is that starts from nothing


def test_what_a_run_started_from_is_part_of_what_it_was_made_from(encoder, recording, tmp_path):
    copy = tmp_path / "copy.safetensors"
    copy.write_bytes(encoder.read_bytes())
    cfg = small(20).override([NET, f"start={copy}"])
    train.run(cfg, recording.labels, tmp_path / "run", threads=1)
    held = io_run.read_weights(copy)
    held["conv1.weight"] = held["conv1.weight"] + 1
    save_file(held, copy)
    with pytest.raises(InputError, match="other settings or labels"):
        train.run(cfg, recording.labels, tmp_path / "run", threads=1)


@pytest.mark.parametrize(
    "settings, message",
    [
        (["start=imagenet"], "no package carries weights of unet"),
        (["start=nowhere.pth"], "nowhere.pth does not exist"),
        (["backbone={kind: linear, patch: 5}", "start=imagenet"], "linear starts from nothing"),
    ],
)
def test_a_start_that_does_not_fit_is_refused_in_one_sentence(
    settings, message, recording, tmp_path
):
    with pytest.raises(InputError, match=message):
        cfg = small(20).override(settings)
        train.run(cfg, recording.labels, tmp_path / "run", threads=1)


def test_nothing_is_read_where_nothing_is_asked():
    assert starting.fingerprint(None) == "" == starting.fingerprint(starting.IMAGENET)
