import json

import pytest

from gambol.core.errors import InputError
from gambol.core.ethogram import select
from gambol.io import ethogram
from gambol.io.ethogram.boris_project import members

PROJECT = """{
 "time_format":"hh:mm:ss",
 "project_name":"t\\u00e9st",
 "observations":{
  "first":{
   "file":{"1":["a.mp4", "b.mp4"], "2":["c.mp4"]},
   "type":"MEDIA",
   "time offset":0.0,
   "events":[
    [3.30, "s1", "s", "", ""], [4.0, "s2", "s", "", ""], [5, "s1", "r", "m1", ""],
    [6, "s1", "r", "m2", ""], [7.75, "s1", "s", "", ""], [8, "s1", "r", "m1", ""],
    [9, "s1", "r", "m2", ""], [9.5, "", "p", "", "hello", 237], [10.0, "s2", "s", "", ""]
   ],
   "media_info":{"length":{"a.mp4":20.0, "b.mp4":10.0, "c.mp4":99}, "fps":{"a.mp4":25.00}},
   "odd" : [1.500, 2e3]
  },
  "live":{"file":[], "type":"LIVE", "events":[]}
 },
 "subjects_conf":{"0":{"key":"1", "name":"s1", "description":"black"}},
 "behaviors_conf":{
  "0":{"type":"State event","key":"s","code":"s","description":"sits","color":"#fff",
       "excluded":"r","modifiers":""},
  "1":{"type":"Point event","key":"p","code":"p","description":"","modifiers":""},
  "4":{"type":"State event","key":"r","code":"r","modifiers":{"0":{"values":["m1"]}}}
 },
 "unknown key" : {"a" :1.10,   "b":[ ]}
}
"""


def project(tmp_path, text=PROJECT):
    path = tmp_path / "p.boris"
    path.write_text(text, encoding="utf-8")
    return path


def test_events_toggle_by_subject_code_and_modifiers_and_may_nest(tmp_path):
    found = ethogram.read(project(tmp_path)).ethogram
    told = found.bouts[["subject", "label", "modifiers", "start_s", "stop_s", "kind"]]
    assert told.values.tolist() == [
        ["s1", "s", "", 3.3, 7.75, "state"],
        ["s2", "s", "", 4.0, 10.0, "state"],
        ["s1", "r", "m1", 5, 8, "state"],
        ["s1", "r", "m2", 6, 9, "state"],
        ["", "p", "", 9.5, 9.5, "point"],
    ]
    assert found.bouts["start_frame"].tolist() == [82, 100, 125, 150, 238]
    assert found.recordings["recording"].tolist() == ["first", "live"]
    assert found.recordings["duration_s"].iloc[0] == 30  # the first player's files follow
    assert found.scheme["exclusive"].tolist() == [True, False, False]


def test_what_is_not_ours_stays_byte_for_byte(tmp_path):
    path = project(tmp_path)
    made = ethogram.read(path).ethogram
    again = tmp_path / "again.boris"
    ethogram.write(made, again, beside=False)
    before, after = members(PROJECT), members(again.read_text(encoding="utf-8"))
    assert list(before) == list(after)[: len(before)] or set(before) <= set(after)
    for key in ("time_format", "project_name", "unknown key"):
        assert after[key] == before[key]
    one, other = (members(members(text["observations"])["first"]) for text in (before, after))
    for key in ("file", "media_info", "odd", "type"):
        assert one[key] == other[key]
    assert members(before["behaviors_conf"]) == members(after["behaviors_conf"])
    assert json.loads(one["events"]) == json.loads(other["events"])
    known = json.loads(after["subjects_conf"])
    assert [entry["name"] for entry in known.values()] == ["s1", "s2"]


def test_changed_bouts_are_written_and_others_keep_their_extra_fields(tmp_path):
    made = ethogram.read(project(tmp_path)).ethogram
    again = tmp_path / "again.boris"
    ethogram.write(select(made, label=["p"]), again, beside=False)
    events = json.loads(again.read_text(encoding="utf-8"))["observations"]["first"]["events"]
    assert events == [[9.5, "", "p", "", "hello", 237]]


def test_an_odd_number_of_events_and_an_unknown_code_are_faults_with_their_place(tmp_path):
    text = PROJECT.replace('[7.75, "s1", "s", "", ""], ', "")
    with pytest.raises(InputError, match="event 1 of 'first': 's' of 's1' starts and never"):
        ethogram.read(project(tmp_path, text))
    found = ethogram.read(project(tmp_path, text), repair=True)
    assert found.ethogram.bouts["stop_s"].iloc[0] == 30
    text = PROJECT.replace('"p", "", "hello"', '"q", "", "hello"')
    with pytest.raises(InputError, match="'q' is not among the behaviors"):
        ethogram.read(project(tmp_path, text))
    text = PROJECT.replace("[9.5,", '["x",')
    with pytest.raises(InputError, match="'x' for a time"):
        ethogram.read(project(tmp_path, text))
