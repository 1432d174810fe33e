import json
import re

from gambol.io import provenance


def test_says_who_made_it_and_can_be_written_as_json():
    told = provenance.record(seed=3)
    assert json.loads(json.dumps(told)) == told
    assert told["seed"] == 3
    assert re.match(r"\d+\.\d+", told["versions"]["torch"])
    assert told["versions"]["gambol"] != "absent"
