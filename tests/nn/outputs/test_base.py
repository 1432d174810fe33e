"""What every output promises, asked of each one that is registered."""

import numpy as np
import pytest
import torch

from gambol.core.errors import InputError
from gambol.nn import engine
from gambol.nn.backbones.unet import UNetSpec
from gambol.nn.model import ModelSpec, PoseNet
from gambol.nn.outputs import Positions, outputs
from gambol.nn.outputs.classes import ClassesSpec
from gambol.nn.outputs.confidence import ConfidenceSpec
from gambol.nn.outputs.fields import FieldsSpec
from gambol.nn.outputs.graph import Graph, GraphSpec
from gambol.nn.outputs.location import LocationSpec
from gambol.nn.outputs.simcc import SimccSpec
from gambol.nn.outputs.softmax import SoftmaxSpec
from gambol.nn.outputs.who import WhoSpec
from gambol.nn.targets import Scene

NAN = float("nan")
J = 3
PARENT = (1, -1, 1)  # the root stands between its children
EDGES = ((1, 0), (1, 2))
# a new kind belongs here too: its spec, and how many maps it has for three keypoints
SPECS = {
    "classes": (ClassesSpec(classes=("a", "b"), sigma=4.0), 2),
    "confidence": (ConfidenceSpec(), 3),
    "fields": (FieldsSpec(edges=EDGES, sigma=4.0), 4),
    "graph": (GraphSpec(parent=PARENT), 8),
    "location": (LocationSpec(), 9),
    "simcc": (SimccSpec(), 3),
    "softmax": (SoftmaxSpec(), 3),
    "who": (WhoSpec(classes=("a", "b")), 2),
}
ORDER = [2, 0, 1]  # new keypoint k was ORDER[k]
# the maps that the reordered keypoints should give, as indices of the maps before
MOVED = {
    "classes": [0, 1],
    "confidence": ORDER,
    "fields": [0, 1, 2, 3],
    "graph": [2, 0, 1, 4, 3, 5, 6, 7],
    "location": [2, 0, 1, 7, 8, 3, 4, 5, 6],
    "simcc": ORDER,
    "softmax": ORDER,
    "who": [0, 1],
}
CELLS = {"who": (1, 1)}  # of a 64 by 48 image at stride 4, where that is not 12 by 16
SIZE = (64, 48)  # width, height

every_kind = pytest.mark.parametrize("kind", outputs.kinds())
every_position = pytest.mark.parametrize(
    "kind", ["confidence", "graph", "location", "simcc", "softmax"]
)


def build(kind, stride=2, **changes):
    sigma = {} if kind in ("location", "who") else {"sigma": max(4.0, 1.25 * stride)}
    spec = SPECS[kind][0].model_copy(update=sigma | changes)
    return outputs.build(spec, J, stride)


def scene(xy, weight=None, identity=None, size=SIZE):
    """Images of one or more animals, all of whose pixels count."""
    xy = torch.as_tensor(np.asarray(xy), dtype=torch.float32)
    xy = xy[:, None] if xy.ndim == 3 else xy
    weight = np.ones(xy.shape[:3]) if weight is None else weight
    weight = torch.as_tensor(np.asarray(weight), dtype=torch.float32).reshape(xy.shape[:3])
    identity = torch.as_tensor(
        np.zeros(xy.shape[:2], int) if identity is None else np.asarray(identity)
    )
    return Scene(xy, weight, torch.ones(len(xy), size[1], size[0]), identity)


def perfect(kind, output, target):
    """The maps of a network that has learnt its target."""
    maps = target.maps.clone()
    if kind == "location":
        maps[:, :J] = 16 * maps[:, :J] - 8
    if kind == "softmax":
        maps = maps.clamp(min=1e-9).log() + 20
    return maps.numpy()


def test_every_kind_is_under_contract():
    assert set(SPECS) == set(MOVED) == set(outputs.kinds())


def test_the_kinds_that_say_positions_are_known():
    said = [kind for kind in outputs.kinds() if isinstance(build(kind, 4), Positions)]
    assert said == ["confidence", "graph", "location", "simcc", "softmax"]


@every_kind
def test_there_are_as_many_maps_as_the_spec_says(kind):
    spec, count = SPECS[kind]
    target = build(kind, 4).target(scene([[(20, 30), (30, 20), (40, 30)]]))
    assert spec.channels(J) == count
    if kind == "simcc":
        assert target.maps.shape == (1, count, 1, 2 * 64 + 2 * 48)
        assert target.weight.shape == (1, count, 12, 16)
    else:
        cells = CELLS.get(kind, (12, 16))
        assert target.maps.shape == target.weight.shape == (1, count, *cells)


STATES = [(20.0, 30.0), (30.3, 11.1), (-9.0, 80.0), (NAN, NAN), (5.0, NAN), (20.2, 30.1)]


@every_kind
@pytest.mark.parametrize("animals", [1, 2, 3])
def test_everything_is_finite_for_every_state_of_a_label(kind, animals):
    rng = np.random.default_rng(animals)
    xy = np.array(STATES)[rng.integers(0, len(STATES), (40, animals, J))]
    seen = scene(xy, rng.integers(0, 2, (40, animals, J)), rng.integers(-1, 2, (40, animals)))
    output = build(kind, 4)
    target = output.target(seen)
    assert torch.isfinite(target.maps).all() and torch.isfinite(target.weight).all()
    assert target.maps.dtype == target.weight.dtype == torch.float32
    for rows in (slice(None), slice(0, 1)):  # whole batch, and one image of it
        seen_rows = Scene(*(part[rows] for part in seen))
        shape = (len(seen_rows.xy), SPECS[kind][1], *CELLS.get(kind, (12, 16)))
        answer = torch.randn(shape, generator=torch.Generator().manual_seed(0))
        answer.requires_grad_()
        loss = output.loss(answer, output.target(seen_rows))
        loss.backward()
        assert torch.isfinite(loss) and loss >= 0 and torch.isfinite(answer.grad).all()


@every_kind
def test_a_batch_of_which_nobody_knows_anything_costs_nothing(kind):
    output = build(kind, 4)
    nothing = output.target(scene(np.full((2, J, 2), NAN), np.zeros((2, J)), [[-1], [-1]]))
    cells = CELLS.get(kind, (12, 16))
    answer = torch.randn(2, SPECS[kind][1], *cells, requires_grad=True)
    loss = output.loss(answer, nothing)
    loss.backward()
    assert loss.item() == 0 and (answer.grad == 0).all()


@every_kind
def test_permuting_keypoints_permutes_maps(kind):
    xy = np.random.default_rng(0).uniform(5, 40, (4, 2, J, 2))
    back = [ORDER.index(j) for j in range(J)]
    changes = {
        "graph": {"parent": tuple(back[PARENT[j]] if PARENT[j] >= 0 else -1 for j in ORDER)},
        "fields": {"edges": tuple((back[a], back[b]) for a, b in EDGES)},
    }.get(kind, {})
    before = build(kind, 4).target(scene(xy)).maps
    after = build(kind, 4, **changes).target(scene(xy[:, :, ORDER])).maps
    torch.testing.assert_close(after, before[:, MOVED[kind]])


@every_kind
def test_moving_an_unlabelled_keypoint_changes_nothing(kind):
    output = build(kind, 4)
    shape = (1, SPECS[kind][1], *CELLS.get(kind, (12, 16)))
    answer = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    for animals in (1, 2):
        xy = np.array([[[(20, 30), (40, 12), (50, 40)], [(10, 9), (12, 9), (9, 20)]]], float)
        weight = np.ones((1, 2, J))
        weight[0, 0, 1] = 0
        losses = set()
        for there in [(40, 12), (3, 3), (900, 3), (NAN, NAN)]:
            xy[0, 0, 1] = there
            target = output.target(scene(xy[:, :animals], weight[:, :animals]))
            losses.add(output.loss(answer, target).item())
        assert len(losses) == 1


def touched(kind, weight):
    """Maps (C, h, w) of the cells that two animals, left and right, teach anything."""
    output = build(kind, 4)
    xy = [[[(20, 40), (30, 50), (40, 40)], [(100, 40), (110, 50), (120, 40)]]]
    target = output.target(scene(xy, weight, [[0, 1]], size=(160, 96)))
    shape = (1, SPECS[kind][1], 24, 40)
    answer = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    answer.requires_grad_()
    output.loss(answer, target).backward()
    return (answer.grad[0] != 0).numpy()


@pytest.mark.parametrize(
    "kind, silent",
    [
        ("confidence", [0]),
        ("softmax", [0]),
        ("simcc", [0]),
        ("location", [0]),
        ("fields", [0, 1]),
        ("graph", [0, 3, 5, 6, 7]),
    ],
)
def test_an_unlabelled_keypoint_is_excused_near_its_own_animal_only(kind, silent):
    weight = np.ones((1, 2, J))
    weight[0, 0, 0] = 0
    taught = touched(kind, weight)
    known = np.s_[9:13, 7:11]  # about the box of the left animal
    for channel in silent:
        assert not taught[channel][known].any()  # nobody knows
        assert taught[channel][8:14, 24:32].any()  # the right animal's is known
        assert kind in ("fields", "graph") or taught[channel][:, 20:22].all()
    loud = [c for c in range(J) if c not in silent] if kind != "fields" else [2, 3]
    for channel in loud:
        assert taught[channel][known].all()


@every_position
@pytest.mark.parametrize("stride", [1, 2, 4, 8, 16])
def test_decoding_a_target_gives_back_the_point_up_to_the_border(kind, stride):
    rng = np.random.default_rng(stride)
    size = (160, 128)
    inside = rng.uniform((-0.5, -0.5), (size[0] - 0.5, size[1] - 0.5), (19, 2))
    corners = [(-0.5, -0.5), (159.5, -0.5), (-0.5, 127.5), (159.5, 127.5), (0.0, 64.2)]
    xy = np.concatenate([inside, corners]).reshape(-1, J, 2)
    output = build(kind, stride)
    seen = scene(xy, size=size)
    if kind == "simcc":  # reads logits of cells, whatever its bins
        twin = build("softmax", stride)
        found = output.find(perfect("softmax", twin, twin.target(seen)), size)
    else:
        found = output.find(perfect(kind, output, output.target(seen)), size)
    error = np.linalg.norm(found.xy - xy, axis=-1)
    if kind == "simcc":  # at the border, bins have cells to one side only
        margin = 3 * output.sigma
        away = ((xy > margin) & (xy < np.array(size) - 1 - margin)).all(-1)
        assert error[away].max(initial=0) < 0.02 and error.max() < 0.35 * stride
    else:
        assert error.max() < 0.02
    assert (np.linalg.eigvalsh(found.cov) > 0).all()
    assert found.height.max() <= 1 + 1e-5 and found.height.min() > 0.2


@every_position
def test_peaks_keep_leading_axes(kind):
    output = build(kind)
    maps = np.random.default_rng(0).normal(size=(2, 5, SPECS[kind][1], 24, 32))
    found = output.peaks(maps)
    assert found.xy.shape == (2, 5, J, 2) and found.cov.shape == (2, 5, J, 2, 2)
    alone = output.peaks(maps[1, 3])
    np.testing.assert_allclose(alone.xy, found.xy[1, 3], atol=1e-5)
    np.testing.assert_allclose(alone.height, found.height[1, 3], rtol=1e-5)


# left and right are 0 and 2, the root 1 is its own partner; limbs of a graph keep their place
PARTNER = (2, 1, 0)


@every_kind
@pytest.mark.parametrize("stride", [1, 2, 4])
def test_a_mirrored_answer_to_a_mirror_image_is_the_answer_to_the_image(kind, stride):
    rng = np.random.default_rng(stride)
    xy = rng.uniform((4, 4), (SIZE[0] - 5, SIZE[1] - 5), (5, 2, J, 2))
    there = xy[:, :, list(PARTNER)] * [-1, 1] + [SIZE[0] - 1, 0]
    output, identity = build(kind, stride), rng.integers(0, 2, (5, 2))
    image, mirror = (output.target(scene(p, identity=identity)).maps for p in (xy, there))
    if kind == "simcc":  # its target is not made of maps
        image, mirror = (build("confidence", stride).target(scene(p)).maps for p in (xy, there))
    back = output.mirror(mirror, PARTNER)
    if kind == "graph":  # its edges only teach, and are not exchanged
        back, image = back[:, [0, 1, 2, 5, 6, 7]], image[:, [0, 1, 2, 5, 6, 7]]
    np.testing.assert_allclose(back.numpy(), image.numpy(), atol=2e-5)


def test_fields_look_for_the_mirror_images_of_their_edges():
    both = outputs.build(FieldsSpec(edges=((0, 2), (1, 0), (2, 1))), J, 4)
    xy = np.array([[(20.0, 30.0), (33.0, 12.0), (40.0, 30.0)]])
    there = xy[:, list(PARTNER)] * [-1, 1] + [SIZE[0] - 1, 0]
    back = both.mirror(both.target(scene(there)).maps, PARTNER)  # 2-1 is 1-0 from behind
    np.testing.assert_allclose(back.numpy(), both.target(scene(xy)).maps.numpy(), atol=2e-5)
    alone = outputs.build(FieldsSpec(edges=((1, 0),)), J, 4)
    with pytest.raises(InputError, match=r"edge \[1, 0\] has no mirror image"):
        alone.mirror(torch.zeros(1, 2, 12, 16), PARTNER)
    said = (ConfidenceSpec(), FieldsSpec(edges=((1, 0),)))
    with pytest.raises(InputError, match="leave mirror out"):
        PoseNet(ModelSpec(outputs=said, keypoints=("a", "b", "c"), mirror=PARTNER))


@every_position
def test_no_peak_is_found_in_the_padding(kind):
    output = build(kind)
    maps = np.random.default_rng(0).normal(size=(3, SPECS[kind][1], 24, 32))
    maps[:, :, 16:] += 30
    maps[:, :, :, 20:] += 30
    if kind == "location":
        maps[:, J:] = 0
    assert (output.find(maps, (40, 32)).xy < [40, 32]).all()


def make(kind):
    """A small network that says this last."""
    torch.manual_seed(0)
    spec = SPECS[kind][0].model_copy(update={"stride": 4 if kind == "classes" else 2})
    first = () if isinstance(build(kind), Positions) else (ConfidenceSpec(weight=0),)
    return PoseNet(
        ModelSpec(
            backbone=UNetSpec(depth=2, filters=8),
            outputs=(*first, spec),
            keypoints=("a", "b", "c"),
        )
    )


def photographs(n=4, seed=0):
    """Grain with a bright spot, a dark one and a ring."""
    rng = np.random.default_rng(seed)
    x, y = np.meshgrid(np.arange(SIZE[0]), np.arange(SIZE[1]))
    xy = rng.uniform((8, 8), (SIZE[0] - 9, SIZE[1] - 9), (4 * n, J, 2))
    apart = [np.linalg.norm(p[[0, 0, 1]] - p[[1, 2, 2]], axis=-1).min() > 14 for p in xy]
    xy = xy[apart][:n]
    images = rng.normal(128, 4, (n, 1, SIZE[1], SIZE[0]))
    for i, j in np.ndindex(n, J):
        d = np.hypot(x - xy[i, j, 0], y - xy[i, j, 1])
        ring = np.exp(-((d - 3) ** 2) / 2) - np.exp(-(d**2) / 2)
        images[i, 0] += 100 * (np.exp(-(d**2) / 12.5), -np.exp(-(d**2) / 12.5), ring)[j]
    return torch.from_numpy(np.clip(images, 0, 255).astype(np.uint8)), xy


@every_kind
def test_the_gradient_reaches_every_parameter(kind):
    net, (images, xy) = make(kind).train(), photographs()
    net.loss(net(images), scene(xy, identity=[[0], [1], [0], [1]]))[-1].backward()
    for name, parameter in net.heads[-1].named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name
    assert next(net.backbone.parameters()).grad.abs().sum() > 0


@every_kind
def test_four_images_are_learnt(kind):
    net, (images, xy) = make(kind), photographs()
    seen = scene(xy, identity=[[0], [1], [0], [1]])
    optimiser = torch.optim.Adam(net.parameters(), 1e-2)
    first = net.loss(net.train()(images), seen)[-1].item()
    for _ in range(300 if kind == "location" else 70):  # few cells of a plateau say yes
        optimiser.zero_grad()
        loss = net.loss(net.train()(images), seen)[-1]
        loss.backward()
        optimiser.step()
    assert 0.3 < first < 3  # about 1 for a network that has learnt nothing
    assert loss.item() < 0.3 * first
    if isinstance(net.outputs[-1], Positions):
        with torch.no_grad():
            (maps,) = net.eval()(images)
        found = net.position.find(maps.numpy(), SIZE)
        assert np.linalg.norm(found.xy - xy, axis=-1).mean() < 0.5
        assert found.height.min() > 0.3


def everything():
    """A network that says everything at once."""
    specs = tuple(spec.model_copy(update={"stride": None}) for spec, _ in SPECS.values())
    torch.manual_seed(0)
    return PoseNet(
        ModelSpec(
            backbone=UNetSpec(depth=2, filters=4),
            outputs=(ConfidenceSpec(), *specs, ConfidenceSpec(stride=4, sigma=5.0)),
            keypoints=("a", "b", "c"),
        )
    )


@pytest.mark.parametrize("kind", ["torch", "openvino"])
def test_with_a_mirror_the_answer_to_a_mirror_image_is_the_mirrored_answer(kind):
    pytest.importorskip("openvino" if kind == "openvino" else "torch")
    net, (images, _) = everything(), photographs()
    net.train()(images)
    seen = PoseNet(net.spec.model_copy(update={"mirror": PARTNER}))
    seen.load_state_dict(net.state_dict())
    run = engine.build(seen.eval(), engine.Device(kind, "cpu"), "float32", 1)
    one, other = (
        run(x.permute(0, 2, 3, 1).contiguous().numpy()) for x in (images, images.flip(-1))
    )
    plain = net.eval()(images)
    for output, a, b, p in zip(seen.outputs, one, other, plain, strict=True):
        back = output.mirror(torch.from_numpy(b), PARTNER).numpy()
        alike = [0, 1, 2, 5, 6, 7] if isinstance(output, Graph) else slice(None)
        np.testing.assert_allclose(back[:, alike], a[:, alike], atol=1e-4)
        assert a.shape == p.shape and np.abs(a - p.detach().numpy()).max() > 1e-3
    learning = zip(seen.train()(images), net.train()(images), strict=True)
    assert all(torch.allclose(a, b, atol=1e-4) for a, b in learning)  # it learns without


def test_one_network_may_say_many_things():
    net, (images, xy) = everything(), photographs()
    answers = net(images)
    sizes = [32] * 8 + [1, 16]  # the class vector is one cell
    assert [a.shape[-1] for a in answers] == sizes
    assert [a.shape[1] for a in answers] == [one.channels(J) for one in net.spec.outputs]
    loss = net.loss(answers, scene(xy))
    assert loss.shape == (10,) and torch.isfinite(loss).all()
    alone = net.outputs[0].loss(answers[0], net.outputs[0].target(scene(xy)))
    assert loss[0].item() == pytest.approx(alone.item())


def test_the_exported_network_says_the_same():
    pytest.importorskip("openvino")
    net, (images, _) = everything(), photographs()
    net.train()(images)  # moves the statistics away from their start
    exported = engine.OpenVinoEngine(net, "float32", threads=1)
    with torch.no_grad():
        expected = net.eval()(images)
    answers = exported(images.permute(0, 2, 3, 1).numpy())
    for answer, maps in zip(answers, expected, strict=True):
        assert np.abs(answer - maps.numpy()).max() < 1e-5


@every_kind
def test_a_weight_scales_its_loss(kind):
    spec = SPECS[kind][0].model_copy(update={"weight": 0.25})
    assert outputs.build(spec, J, 4).weight == 0.25


@every_kind
def test_the_settings_go_through_yaml(kind, tmp_path):
    spec = ModelSpec(outputs=(SPECS[kind][0],), keypoints=("a", "b", "c"))
    spec.to_yaml(tmp_path / "model.yaml")
    assert ModelSpec.from_yaml(tmp_path / "model.yaml") == spec


@pytest.mark.parametrize("kind", ["location", "simcc", "softmax"])
def test_the_height_of_logits_is_a_probability(kind):
    # trap 20: confidence that is unbounded, or that saturates on absent keypoints
    rng = np.random.default_rng(0)
    for scale in (0.1, 10.0, 1000.0):
        maps = scale * rng.normal(size=(4, SPECS[kind][1], 24, 32))
        height = build(kind).peaks(maps).height
        assert (height >= 0).all() and (height <= 1 + 1e-6).all()
    assert (build(kind).peaks(np.full((1, SPECS[kind][1], 24, 32), -30.0)).height < 0.01).all()
