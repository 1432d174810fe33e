import pytest
import torch

from gambol.core.errors import InputError
from gambol.nn import transfer
from gambol.nn.backbones.efficientnet import EfficientNet, EfficientNetSpec
from gambol.nn.backbones.hourglass import HourglassSpec
from gambol.nn.backbones.resnet import ResNetSpec
from gambol.nn.backbones.stacked_densenet import StackedDensenetSpec
from gambol.nn.backbones.unet import UNetSpec
from gambol.nn.heads import PointwiseSpec, SimpleSpec, UpsampleSpec
from gambol.nn.model import ModelSpec, PoseNet
from gambol.nn.outputs.confidence import ConfidenceSpec
from gambol.nn.outputs.graph import GraphSpec
from gambol.nn.outputs.location import LocationSpec


def network(keypoints, seed, backbone=None, outputs=None):
    torch.manual_seed(seed)
    return PoseNet(
        ModelSpec(
            backbone=backbone or UNetSpec(depth=2, filters=8), head=PointwiseSpec(),
            keypoints=keypoints, outputs=outputs or (ConfidenceSpec(),),
        )
    )  # fmt: skip


@pytest.fixture
def foreign():
    """Weights of an encoder by the names of the package that carries them."""
    torch.manual_seed(9)
    own = EfficientNet("lite0").state_dict()
    names = {"stem.conv": "_conv_stem", "stem.norm": "_bn0"}
    parts = {
        "expand.conv": "_expand_conv", "expand.norm": "_bn0", "inside.conv": "_depthwise_conv",
        "inside.norm": "_bn1", "project.conv": "_project_conv", "project.norm": "_bn2",
    }  # fmt: skip
    found = {"_fc.weight": torch.zeros(1000, 1280)}
    for name, value in own.items():
        head, last = name.rsplit(".", 1)
        if head in names:
            found[f"{names[head]}.{last}"] = value
        else:
            _, number, *part = head.split(".")
            found[f"_blocks.{number}.{parts['.'.join(part)]}.{last}"] = value
    return found


def test_an_encoder_gets_its_weights_and_the_rest_stays(foreign):
    net = network(("nose",), 0, EfficientNetSpec(stride=4, width=8))
    before = {name: value.clone() for name, value in net.state_dict().items()}
    taken = transfer.encoder(net, foreign, "a file")
    after = net.state_dict()
    assert torch.equal(after["backbone.encoder.stem.conv.weight"], foreign["_conv_stem.weight"])
    changed = {name for name in after if not torch.equal(before[name], after[name])}
    assert changed and all(name.startswith("backbone.encoder.") for name in changed)
    learnt = {name for name, _ in net.named_parameters() if "encoder" in name}
    assert set(taken.rates) == learnt and set(taken.rates.values()) == {0.1}


def test_weights_of_another_encoder_are_refused_by_name(foreign):
    net = network(("nose",), 0, EfficientNetSpec(stride=4, width=8))
    wrong = {**foreign, "_conv_stem.weight": torch.zeros(32, 1, 3, 3)}
    with pytest.raises(InputError, match=r"a file: stem.conv.weight is \(32, 1, 3, 3\)"):
        transfer.encoder(net, wrong, "a file")
    wrong = {name: v for name, v in foreign.items() if name != "_blocks.3._bn1.bias"}
    with pytest.raises(InputError, match="holds no blocks.3.inside.norm.bias"):
        transfer.encoder(net, wrong, "a file")
    with pytest.raises(InputError, match="backbone unet has none; set backbone.kind"):
        transfer.encoder(network(("nose",), 0), foreign, "a file")


def test_another_run_gives_the_maps_of_the_keypoints_that_both_know():
    other = network(("tail", "nose", "ear"), 1)
    net = network(("nose", "paw", "tail"), 2)
    fresh = {name: value.clone() for name, value in net.state_dict().items()}
    taken = transfer.run(net, other.state_dict(), other.spec.keypoints, "a run")
    assert taken.anew == ("keypoint 'paw'",) and not taken.rates
    image = torch.randint(0, 256, (1, 1, 16, 16), dtype=torch.uint8)
    with torch.no_grad():
        mine, theirs = net.eval()(image)[0][0], other.eval()(image)[0][0]
    assert torch.equal(mine[0], theirs[1]) and torch.equal(mine[2], theirs[0])
    paw = net.state_dict()["heads.0.conv.weight"][1]
    assert torch.equal(paw, fresh["heads.0.conv.weight"][1])


def test_outputs_that_have_several_maps_a_keypoint_match_by_name_too():
    outputs = (LocationSpec(radius=6),)
    other, net = (network(names, i, outputs=outputs) for i, names in
                  enumerate([("tail", "nose"), ("nose", "tail")]))  # fmt: skip
    transfer.run(net, other.state_dict(), other.spec.keypoints, "a run")
    image = torch.randint(0, 256, (1, 1, 16, 16), dtype=torch.uint8)
    with torch.no_grad():
        mine, theirs = net.eval()(image)[0][0], other.eval()(image)[0][0]
    near, offsets = mine[:2], mine[2:].unflatten(0, (2, 2))
    assert torch.equal(near, theirs[:2].flip(0))
    assert torch.equal(offsets, theirs[2:].unflatten(0, (2, 2)).flip(0))


@pytest.mark.parametrize("head", [UpsampleSpec(), SimpleSpec(doublings=1, width=12)])
def test_layers_before_the_last_are_taken_whole(head):
    # whose widths are multiples of the number of keypoints, too
    def made(names, seed):
        torch.manual_seed(seed)
        return PoseNet(ModelSpec(backbone=ResNetSpec(layers=18), head=head, keypoints=names,
                                 outputs=(ConfidenceSpec(sigma=10.0),)))  # fmt: skip

    other, net = made(("a", "b", "c", "d"), 1), made(("d", "c", "b", "e"), 2)
    transfer.run(net, other.state_dict(), other.spec.keypoints, "a run")
    image = torch.randint(0, 256, (1, 1, 32, 32), dtype=torch.uint8)
    with torch.no_grad():
        mine, theirs = net.eval()(image)[0][0], other.eval()(image)[0][0]
    assert torch.equal(mine[:3], theirs[[3, 2, 1]])


def test_maps_of_bones_start_anew_where_keypoints_have_another_order():
    other, net = (network(names, i, outputs=(GraphSpec(parent=(-1, 0, 1)),)) for i, names in
                  enumerate([("a", "b", "c"), ("c", "b", "a")]))  # fmt: skip
    fresh = net.state_dict()["heads.0.conv.weight"].clone()
    taken = transfer.run(net, other.state_dict(), other.spec.keypoints, "a run")
    assert taken.anew == ("head graph",)
    assert torch.equal(net.state_dict()["heads.0.conv.weight"], fresh)


def test_an_hourglass_reads_its_early_answers_by_name_too():
    stacked = HourglassSpec(filters=16, depth=1)
    other, net = network(("a", "b"), 0, stacked), network(("b", "a"), 1, stacked)
    transfer.run(net, other.state_dict(), ("a", "b"), "a run")
    image = torch.randint(0, 256, (1, 1, 32, 32), dtype=torch.uint8)
    with torch.no_grad():
        assert torch.allclose(net.eval()(image)[0], other.eval()(image)[0].flip(1), atol=1e-5)
    more = network(("b", "c"), 2, stacked)
    fresh = more.state_dict()["backbone.read.0.weight"][:, 1].clone()
    assert transfer.run(more, other.state_dict(), ("a", "b"), "a run").anew == ("keypoint 'c'",)
    read = more.state_dict()["backbone.read.0.weight"]
    assert torch.equal(read[:, 0], other.state_dict()["backbone.read.0.weight"][:, 1])
    assert torch.equal(read[:, 1], fresh)


def test_networks_all_of_which_reads_their_answers_need_the_same_keypoints():
    stacked = StackedDensenetSpec(growth=4, transitions=3)
    other, net = network(("a", "b"), 0, stacked), network(("b", "a"), 1, stacked)
    with pytest.raises(InputError, match="starts only from runs with the same keypoints"):
        transfer.run(net, other.state_dict(), ("a", "b"), "a run")
    same = network(("a", "b"), 1, stacked)
    assert transfer.run(same, other.state_dict(), ("a", "b"), "a run").anew == ()
    for name, value in other.state_dict().items():
        assert torch.equal(same.state_dict()[name], value)


def test_a_run_of_another_architecture_is_refused():
    other = network(("nose",), 0, UNetSpec(depth=3, filters=8))
    with pytest.raises(InputError, match="a run: backbone.middle.0.weight is"):
        transfer.run(network(("nose",), 1), other.state_dict(), ("nose",), "a run")


def test_normalisation_of_borrowed_layers_is_found():
    net = network(("nose",), 0, EfficientNetSpec(stride=4, width=8))
    names = [n for n, _ in net.named_parameters() if "encoder" in n]
    inside = [m for m in net.backbone.encoder.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert transfer.norms(net, names) == inside
