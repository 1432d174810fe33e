import numpy as np
import pytest

from gambol.core.errors import InputError
from gambol.core.labels import Visibility, from_positions
from gambol.core.skeleton import Skeleton
from gambol.nn.backbones import backbones
from gambol.stages import bench_networks
from gambol.stages.bench_models import DEFAULT
from gambol.stages.train import TrainConfig

COMMON = TrainConfig(colour="grey")


def read(text):
    return bench_networks.read(text, COMMON)


def labels():
    xy = np.random.default_rng(0).uniform(0, 50, (4, 2, 2))
    zeros, frames = np.zeros(4, np.int64), np.arange(4)
    bones = Skeleton(("nose", "tail"))
    return from_positions(bones, ("f.mp4",), zeros, frames, xy, nan_means=Visibility.ABSENT)


def test_settings_go_to_the_network_or_to_training_by_their_name():
    one = read("resnet(layers=18, start=imagenet, fit.rate=0.002)")
    assert one.name == "resnet(layers=18,start=imagenet,fit.rate=0.002)"
    assert (one.cfg.backbone.kind, one.cfg.backbone.layers) == ("resnet", 18)
    assert (one.cfg.start, one.cfg.fit.rate, one.cfg.colour) == ("imagenet", 0.002, "grey")


def test_the_usual_one_is_what_training_chooses_and_others_are_as_said():
    assert read("usual").cfg == COMMON
    assert read("usual(scale=0.5)").cfg == COMMON.override(["scale=0.5"])
    assert read("unet(filters=8)").cfg.backbone.filters == 8
    with pytest.raises(InputError, match="no setting 'filters'"):
        read("usual(filters=8)")


def test_commas_in_brackets_do_not_cut():
    text = "unet(output={kind: location, radius: 9}),leap"
    assert bench_networks.listed(text) == ("unet(output={kind: location, radius: 9})", "leap")
    assert read(bench_networks.listed(text)[0]).cfg.output.radius == 9


def test_at_least_five_networks_are_compared_by_default_and_all_of_them_can_be_made():
    found = [read(text) for text in DEFAULT]
    assert len({f.cfg.backbone.kind for f in found if f.cfg.backbone is not None}) >= 5
    for one in found:
        bench_networks.check(one, labels())


@pytest.mark.parametrize("kind", [k for k in backbones.kinds() if k != "timm"])
def test_every_registered_network_can_be_named(kind):
    one = read(kind)
    assert one.cfg.backbone.kind == kind
    assert bench_networks.convex(one) == (kind == "linear")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("resnt", "no network 'resnt'; did you mean 'resnet'"),
        ("resnet(layers=18", "mend its brackets"),
        ("resnet(layrs=18)", "no setting 'layrs'; did you mean 'layers'"),
        ("resnet(layers=17)", "18, 34, 50 or 101"),
        ("unet(fit.steps=3)", "fit.steps is equal for all"),
        ("unet(split.val=0.3)", "said by folds, val and gap_s"),
        ("unet(augment.flip=0)", "said by common.augment"),
        ("unet(scale)", "write key=value"),
    ],
)
def test_what_is_wrong_is_said(text, said):
    with pytest.raises(InputError, match=said):
        read(text)


@pytest.mark.parametrize("text", ["unet(", "unet)", "a(b,c]"])
def test_brackets_have_to_match(text):
    with pytest.raises(InputError, match="brackets"):
        bench_networks.listed(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("leap(start=imagenet)", r"network leap\(start=imagenet\): no package carries"),
        ("unet(start=nowhere.pth)", "nowhere.pth does not exist"),
        ("linear(start=imagenet)", "starts from nothing"),
        ("leap(head={kind: vector})", "says nothing of places"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_anything_is(text, said):
    with pytest.raises(InputError, match=said):
        bench_networks.check(read(text), labels())
