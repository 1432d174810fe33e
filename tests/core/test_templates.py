import pytest

from gambol.core.skeleton import unpaired
from gambol.core.templates import names, template


@pytest.mark.parametrize("name", names())
def test_every_template_is_one_tree_with_both_sides(name):
    skeleton = template(name)
    assert len(skeleton.roots) == 1 and skeleton.name == name
    assert unpaired(skeleton.keypoints, skeleton.swap) == []
