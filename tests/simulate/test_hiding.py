"""What hides what: order of layers, and keypoints in sight."""

import numpy as np

from gambol.simulate import hiding
from gambol.simulate.species import Flies, Mice
from gambol.simulate.world import SimulateConfig, simulate


def bodies(animal, animals, **more):
    world = simulate(
        SimulateConfig(animal=animal, animals=animals, seconds=2.0, seed=1, **more)
    )
    joints = world.motion.joints[30:31]
    return world, [
        world.species.dress(
            joints[:, n] / world.motion.size[n], world.scale * world.motion.size[n]
        )
        for n in range(animals)
    ]


def test_mice_far_apart_are_layers_of_their_own_and_mice_that_touch_are_one():
    world, two = bodies("mouse", 2)
    assert isinstance(world.species, Mice)
    far = [two[0], two[1]._replace(start=two[0].start + [999, 0, 0, 0],
                                   stop=two[0].stop + [999, 0, 0, 0])]  # fmt: skip
    wide = (3000, 400)
    assert len(hiding.layers(world.species, far, wide, 1.0)) == 2
    close = [two[0], two[0]]
    assert len(hiding.layers(world.species, close, wide, 1.0)) == 1


def test_wings_are_drawn_after_the_body_they_belong_to_and_the_higher_fly_last():
    world, two = bodies("fly", 2)
    assert isinstance(world.species, Flies)
    raised = two[0]._replace(
        start=two[0].start + [0, 0, 99, 0], stop=two[0].stop + [0, 0, 99, 0]
    )
    drawn = hiding.layers(world.species, [raised, two[1]], world.size, 1.0)
    assert [layer.opacity for layer in drawn] == [1.0, world.species.sheets[1].opacity] * 2
    height = [layer.poses[0].start[:, 2].mean() for layer in drawn[::2]]
    assert height[0] < height[1]


def test_a_body_above_hides_all_of_one_that_lies_in_the_same_pose():
    world, (low,) = bodies("mouse", 1)
    high = low._replace(start=low.start + [0, 0, 99, 0], stop=low.stop + [0, 0, 99, 0])
    xy = world.scale * world.motion.joints[30:31, :, :12, :2]
    both = hiding.in_sight(world.species, [low, high], np.concatenate([xy, xy], axis=1))
    alone = hiding.in_sight(world.species, [low], xy)
    assert not both[:, 0].any()
    assert np.array_equal(both[:, 1], alone[:, 0]) and alone.any()
