from gambol.app import show

KEYPOINTS = {"nose": {"mean_px": 1.5, "median_px": 1.0, "n_missing": 0}}
DISTANCES = {
    "n": 40, "n_missing": 0, "mean_px": 2.0, "median_px": 1.5, "p95_px": 4.0,
    "intervals": {"mean_px": [1.5, 2.5]}, "keypoints": KEYPOINTS, "pck": {"0.05": 0.8},
    "found": {"mean_px": 2.0, "median_px": 1.5},
}  # fmt: skip
OPTIONS = {"sigma": 0.025, "sigmas": None, "area": "box", "margin": 0.0, "symmetric": False}
ANIMALS = {
    "options": OPTIONS,
    "n_animals": 9, "n_frames": 3, "n_found": 10, "n_matched": 8, "oks_map": 0.51,
    "oks_map_01": 0.9, "sleap_map": 0.62, "precision": 0.8, "recall": 0.889,
    "count_error": 0.333, "intervals": {"oks_map": [0.4, 0.6]}, "matched": DISTANCES,
}  # fmt: skip
KEPT = {
    "n_animals": 2, "n_tracks": 3, "n_frames": 1,
    "confidence": {"n": 5, "ece": 0.0123, "brier": 0.2},
}  # fmt: skip
TRACKS = {
    **DISTANCES, "animals": ANIMALS, "identities": KEPT, "idf1": 0.98765, "mota": 0.9,
    "hota": 0.8, "id_switches": 1, "fragmentations": 2, "misses": 3, "false_positives": 4,
    "identity_errors": 5, "time_to_first_error_s": 1.25,
    "intervals": {"mean_px": [None, None], "idf1": [0.9, 1.0]},
}  # fmt: skip


def test_one_animal_is_shown_as_it_always_was():
    text = show.scores({**DISTANCES, "run": "runs/a"})
    assert text.splitlines() == [
        "40 keypoints: mean 2.00 px (95 % interval 1.50 to 2.50), median 1.50, p95 4.00",
        "  nose: mean 1.50 px",
        "run: runs/a",
    ]


def test_how_poses_were_compared_is_said_with_the_score():
    text = show.scores({**DISTANCES, "animals": ANIMALS})
    assert "OKS mAP 0.510 (95 % interval 0.400 to 0.600) with a tolerance of 0.025; 0.9" in text
    wide = {**OPTIONS, "area": "length", "margin": 5.0, "symmetric": True, "sigmas": [0.1]}
    text = show.scores({**DISTANCES, "animals": {**ANIMALS, "options": wide}})
    assert (
        "with a tolerance for each keypoint, the squared body length for the area, boxes 5 px "
        "wider, exchanged sides forgiven; 0.9" in text
    )


def test_names_by_looks_are_shown_where_a_network_gives_them():
    looks = {"n": 8, "rank1": 0.75, "one_to_one": 0.875, "said": 0.8, "chance": 0.5}
    text = show.scores({**DISTANCES, "animals": ANIMALS, "identity": looks})
    assert "named by looks: 75.0 % of 8 animals right (chance 50.0 %), 87.5 % with" in text
    assert "its own estimate is 80.0 %" in text
    none = {"n": 0, "rank1": None, "one_to_one": None, "said": None, "chance": 0.5}
    assert "looks" not in show.scores({**DISTANCES, "animals": ANIMALS, "identity": none})


def test_several_animals_are_counted_before_distances():
    text = show.scores({**DISTANCES, "n_missing": 3, "animals": ANIMALS})
    assert text.startswith("9 animals in 3 frames, 10 found, 8 of them right\nOKS mAP 0.510 (")
    assert "0.620; that ignores invented animals and empty frames" in text
    assert "precision 80.0 %, recall 88.9 %" in text
    assert text.endswith("3 of 40 labelled keypoints were not found; within 5 % of the animal: "
                         "80.0 % of all")  # fmt: skip


def test_identities_come_first():
    first, second, third, fourth, *_ = show.scores(TRACKS).splitlines()
    assert first == (
        "2 animals, 3 tracks, 1 frame: IDF1 0.9877 (95 % interval 0.9000 to 1.0000), "
        "MOTA 0.9000, HOTA 0.8000"
    )
    assert second == "1 identity switch, 2 fragmentations, 3 missed, 4 invented"
    assert third == "5 animals with the wrong name, first after 1.2 s"
    assert "ECE" in fourth


def test_what_is_not_known_is_no_number():
    none = {**DISTANCES, "mean_px": None, "intervals": {"mean_px": [None, None]}}
    none["keypoints"] = {"nose": {"mean_px": None, "median_px": None, "n_missing": 40}}
    nothing = {**none, "found": {"mean_px": None, "median_px": None}}
    assert show.scores(nothing) == ""
    assert "40 of 40 keypoints found: mean 2.00 px" in show.scores(none)
    unnamed = {**TRACKS, "idf1": None, "identities": None}
    assert show.scores(unnamed).startswith("the labels do not say who is who")
    empty = {**ANIMALS, "oks_map": None, "intervals": {"oks_map": [None, None]}}
    assert "OKS mAP – with" in show.scores({**DISTANCES, "animals": empty})
