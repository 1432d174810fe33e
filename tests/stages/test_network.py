import pytest

from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton
from gambol.nn.backbones.leap import LeapSpec
from gambol.nn.backbones.linear import LinearSpec
from gambol.nn.backbones.resnet import ResNetSpec
from gambol.nn.model import PoseNet
from gambol.pose.choose import ALONE, CROWD, Choice
from gambol.stages import network, train

CLOSE = Choice(0.5, CROWD[2], (80, 64), True, 15.0, 0.0, 1, ())  # of a camera at the side


def test_whole_frames_of_one_view_tell_the_network_where_it_looks():
    plain = train.TrainConfig()
    place, why = network.place(plain, "single", CLOSE)
    assert place and "whole frames of one view" in why[0]
    others = [
        (plain, "bottom-up", CLOSE),
        (plain, "single", CLOSE._replace(whole=False)),
        (plain, "single", CLOSE._replace(backbone=ALONE[0])),
        (plain, "single", CLOSE._replace(rotation=180.0)),
        (train.TrainConfig(backbone=LeapSpec()), "single", CLOSE),
        (train.TrainConfig(place=False), "single", CLOSE),
    ]
    assert [network.place(*one) for one in others] == [(False, ())] * 6
    assert network.place(train.TrainConfig(place=True), "top-down", CLOSE)[0]


def test_places_are_refused_where_they_mean_nothing():
    cut, asked = CLOSE._replace(whole=False), train.TrainConfig(place=True)
    with pytest.raises(InputError, match="windows of 80 px are cut here"):
        network.place(asked, "single", cut)
    with pytest.raises(InputError, match="nothing for backbone linear"):
        network.place(asked.model_copy(update={"backbone": LinearSpec()}), "single", CLOSE)
    # whose two channels of places would be taken for colours
    with pytest.raises(InputError, match="nothing for backbone resnet"):
        network.place(asked.model_copy(update={"backbone": ResNetSpec()}), "single", CLOSE)


@pytest.mark.parametrize(
    "settings, stride, sigma",
    [
        ([], 2, 3.5),
        (["backbone={kind: hourglass, filters: 16, depth: 1}"], 4, 5.0),
        (["backbone={kind: resnet, layers: 18}"], 8, 10.0),
        (["backbone={kind: resnet, layers: 18}", "head={kind: simple, width: 8}"], 4, 5.0),
        (["backbone={kind: hourglass, filters: 16}", "output.sigma=4.5"], 4, 4.5),
        (["backbone={kind: resnet, layers: 18}", "output={kind: location}"], 8, None),
    ],
)
def test_gaussians_are_no_finer_than_the_cells_of_the_network(settings, stride, sigma):
    cfg = train.TrainConfig().override(settings)
    made = network.spec(cfg, Skeleton(("nose", "tail")), CLOSE, False)
    assert PoseNet(made).position.stride == stride
    assert getattr(made.outputs[0], "sigma", None) == sigma


@pytest.mark.parametrize(
    ("settings", "approach", "kind"),
    [
        ([], "single", "hourglass"),
        (["output.stride=4"], "single", "hourglass"),
        ([], "top-down", "unet"),
        ([], "bottom-up", "unet"),
        (["output.stride=2"], "single", "unet"),
        (["head={kind: simple, doublings: 1}"], "single", "unet"),
    ],
)
def test_an_hourglass_is_usual_for_one_animal_and_maps_of_its_stride(settings, approach, kind):
    cfg = train.TrainConfig().override(settings)
    for net in network.usual(cfg, approach):
        assert net.kind == kind
        chosen = CLOSE._replace(backbone=net)
        made = network.spec(cfg, Skeleton(("nose", "tail")), chosen, False)
        assert made.outputs[0].sigma >= 1.25 * PoseNet(made).position.stride


def test_windows_are_multiples_of_what_the_network_halves():
    said = "backbone={kind: stacked-densenet, growth: 4, transitions: 6}"
    assert network.multiple(train.TrainConfig().override([said])) == 64
