import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gambol.core.errors import InputError
from gambol.core.instances import UNTRACKED, Detections, from_positions
from gambol.tracking import trackers
from gambol.tracking.trackers import (
    PRESETS,
    TrackConfig,
    advance,
    at_most,
    exactly,
    gather,
    init,
    measure,
    track,
)

seeds = st.integers(0, 2**32 - 1)
numbers = st.sampled_from([exactly, at_most])
limits = st.integers(1, 4)


def scene(seed, frames=25, keypoints=3):
    """Random detections: animals that come and go, spurious ones, missing keypoints."""
    rng = np.random.default_rng(seed)
    animals, side = int(rng.integers(1, 5)), 400.0
    place = rng.uniform(0, side, (animals, 2))
    body = rng.normal(0, 15, (animals, keypoints, 2))
    frame, xy = [], []
    for t in range(frames):
        place = place + rng.normal(0, rng.choice([2.0, 60.0], p=[0.9, 0.1]), (animals, 2))
        seen = rng.random(animals) > 0.2
        strangers = rng.poisson(0.5)
        elsewhere = rng.uniform(0, side, (strangers, 1, 2))
        ghosts = elsewhere + rng.normal(0, 15, (strangers, keypoints, 2))
        poses = np.concatenate([(place[:, None] + body)[seen], ghosts])
        poses += rng.normal(0, 1, poses.shape)
        poses[rng.random(poses.shape[:2]) < 0.1] = np.nan
        frame += [t] * len(poses)
        xy.append(poses[rng.permutation(len(poses))])
    found = from_positions(np.array(frame, dtype=int), np.concatenate(xy))
    times = np.cumsum(rng.choice([0.04, 0.08], frames))
    return found._replace(score=rng.uniform(0.2, 1.0, len(found.frame))), times


def walkers(seed, animals, frames=150, keypoints=5, gone=0.0, spurious=0.0, fps=25.0):
    """Animals on smooth paths that do not meet: detections, times and who is who."""
    rng = np.random.default_rng(seed)
    body = rng.normal(0, 12, (animals, keypoints, 2))
    home = 200.0 * np.stack(np.divmod(np.arange(animals), 5), axis=1)
    angle = rng.uniform(0, 2 * np.pi, animals)
    speed = rng.uniform(0.5, 2, animals)
    frame, xy, who = [], [], []
    for t in range(frames):
        turn = angle + speed * t / fps
        place = home + 40 * np.stack([np.cos(turn), np.sin(turn)], axis=1)
        poses = place[:, None] + body + rng.normal(0, 0.7, body.shape)
        poses[rng.random(poses.shape[:2]) < 0.05] = np.nan
        there = rng.random(animals) >= gone
        strange = rng.random() < spurious
        ghost = rng.uniform(0, 800, (int(strange), 1, 2)) + rng.normal(
            0, 12, (int(strange), keypoints, 2)
        )
        frame += [t] * (int(there.sum()) + int(strange))
        xy += [poses[there], ghost]
        who += np.flatnonzero(there).tolist() + [-1] * int(strange)
    found = from_positions(np.array(frame), np.concatenate(xy), sd=0.7)
    return found, np.arange(frames) / fps, np.array(who)


def wrong_links(who, ids):
    """Links between successive detections of an animal that change its id, and all links."""
    links = [np.diff(ids[who == animal]) for animal in np.unique(who[who >= 0])]
    return sum(int((link != 0).sum()) for link in links), sum(map(len, links))


def same_grouping(a, b):
    """Whether two labellings of the same detections differ in names only."""
    pairs = set(zip(a.tolist(), b.tolist(), strict=True))
    untracked = all((x == UNTRACKED) == (y == UNTRACKED) for x, y in pairs)
    return untracked and len(pairs) == len(set(a.tolist())) == len(set(b.tolist()))


@given(seeds, limits, numbers, st.sampled_from(sorted(PRESETS)))
@settings(max_examples=40)
def test_ids_are_distinct_and_never_more_than_animals(seed, n, number, preset):
    found, times = scene(seed)
    ids = track(PRESETS[preset], found, times, number(n)).tracks.id
    tracked = ids != UNTRACKED
    pairs = list(zip(found.frame[tracked].tolist(), ids[tracked].tolist(), strict=True))
    assert len(set(pairs)) == len(pairs)
    assert set(ids[tracked].tolist()) <= set(range(n))


@given(seeds, st.one_of(st.none(), limits.map(exactly), limits.map(at_most)))
@settings(max_examples=25)
def test_no_detection_is_lost_and_a_rerun_is_identical(seed, number):
    found, times = scene(seed)
    first, again = (track(TrackConfig(), found, times, number) for _ in range(2))
    assert len(first.tracks.id) == len(found.frame)
    assert (first.tracks.id >= UNTRACKED).all()
    assert (first.tracks.id < first.tracks.n_animals).all()
    for one, two in zip(
        (*first.tracks, *first[1:3]), (*again.tracks, *again[1:3]), strict=True
    ):
        assert np.array_equal(one, two)


@given(seeds, st.one_of(st.none(), limits.map(exactly)))
@settings(max_examples=25)
def test_order_within_frames_changes_names_at_most(seed, number):
    found, times = scene(seed)
    rng = np.random.default_rng(seed)
    shuffled = np.lexsort((rng.random(len(found.frame)), found.frame))
    straight = track(TrackConfig(), found, times, number).tracks.id[shuffled]
    assert same_grouping(
        straight, track(TrackConfig(), found.select(shuffled), times, number).tracks.id
    )


@given(seeds, st.sampled_from([0.125, 0.5, 4.0]), st.sampled_from([0.25, 8.0]))
@settings(max_examples=25)
def test_units_of_length_and_time_and_the_origin_do_not_matter(seed, size, pace):
    found, times = scene(seed)
    moved = found._replace(xy=size * found.xy + [64.0, -256.0], cov=size**2 * found.cov)
    plain = TrackConfig()
    slow = TrackConfig(patience=plain.patience * pace)
    one = track(plain, found, times, exactly(2))
    assert np.array_equal(one.tracks.id, track(plain, moved, times, exactly(2)).tracks.id)
    assert np.array_equal(one.tracks.id, track(slow, found, pace * times, exactly(2)).tracks.id)


@given(
    seeds, st.lists(st.integers(0, 25), max_size=6), st.one_of(st.none(), limits.map(exactly))
)
@settings(max_examples=25)
def test_pieces_equal_one_pass(seed, cuts, number):
    found, times = scene(seed)
    whole = track(TrackConfig(), found, times, number)
    state = init(TrackConfig(), whole.scale, found.xy.shape[1], 0, number)
    pieces, start = [], 0
    for stop in [*sorted(cuts), len(times)]:
        rows = (found.frame >= start) & (found.frame < stop)
        state, piece = advance(state, found.select(rows), times, stop=stop)
        pieces.append(piece)
        start = stop
    joined = gather(state, pieces)
    assert np.array_equal(joined.tracks.id, whole.tracks.id)
    assert np.array_equal(joined.tracks.confidence, whole.tracks.confidence)
    assert np.array_equal(joined.margin, whole.margin)


@pytest.mark.parametrize("number", [None, exactly(3)])
def test_memory_does_not_grow_with_the_recording(number):
    found, times, _ = walkers(0, 3, frames=1200, gone=0.05, spurious=0.2)
    state = init(TrackConfig(), measure(TrackConfig(), found, times), 5, 0, number)
    sizes = []
    for start in range(0, 1200, 100):
        rows = (found.frame >= start) & (found.frame < start + 100)
        state, _ = advance(state, found.select(rows), times, stop=start + 100)
        sizes.append(len(state.alive.number))
    assert max(sizes) <= 10


@pytest.mark.parametrize("animals", [1, 2, 3, 5, 10, 20])
def test_animals_that_do_not_meet_keep_their_ids(animals):
    found, times, who = walkers(1, animals, gone=0.02, spurious=0.05)
    result = track(TrackConfig(), found, times, exactly(animals)).tracks
    assert wrong_links(who, result.id)[0] == 0
    assert result.n_animals == animals
    assert (result.id[who >= 0] != UNTRACKED).all()
    assert (result.id[who < 0] == UNTRACKED).mean() > 0.9


def test_without_a_number_every_animal_has_one_id_too():
    found, times, who = walkers(2, 4, gone=0.02)
    result = track(TrackConfig(), found, times).tracks
    assert result.n_animals == 4
    assert wrong_links(who, result.id)[0] == 0


def crossing(step=1, speed=120.0):
    """Two animals that cross at right angles, at once."""
    t = np.arange(0, 100, step) / 50
    way = speed * (t - 1)
    body = np.array([[-20.0, 0], [0, 0], [20, 0], [8, 6]])
    east = np.stack([way, 0 * way], axis=1)[:, None] + body
    north = np.stack([3 + 0 * way, way], axis=1)[:, None] + body[:, ::-1]
    xy = np.stack([east, north], axis=1).reshape(-1, 4, 2)
    rng = np.random.default_rng(0)
    return from_positions(np.arange(len(t)).repeat(2), xy + rng.normal(0, 0.5, xy.shape)), t


@pytest.mark.parametrize("step", [1, 2, 4])
def test_animals_that_cross_straight_are_not_exchanged(step):
    found, times = crossing(step)
    ids = track(TrackConfig(), found, times, exactly(2)).tracks.id.reshape(-1, 2)
    assert (ids == ids[0]).all()


def test_dropped_frames_are_known_by_their_times():
    found, times = crossing()
    gap = (found.frame < 42) | (found.frame >= 58)
    kept, _ = np.unique(found.frame[gap]), None
    fewer = found.select(gap)._replace(frame=np.searchsorted(kept, found.frame[gap]))
    ids = track(TrackConfig(), fewer, times[kept], exactly(2)).tracks.id.reshape(-1, 2)
    assert (ids == ids[0]).all()


def test_who_comes_back_gets_a_free_id_and_little_trust():
    found, times, who = walkers(3, 2, frames=200)
    away = (who == 1) & (found.frame >= 60) & (found.frame < 160)  # 4 s
    moved = found.xy.copy()
    moved[(who == 1) & (found.frame >= 160)] += 300.0
    part = found._replace(xy=moved).select(~away)
    result = track(TrackConfig(), part, times, exactly(2)).tracks
    late = part.frame >= 160
    assert set(result.id.tolist()) == {0, 1}
    assert wrong_links(who[~away], result.id)[0] == 0
    back = late & (who[~away] == 1)
    assert result.confidence[back].max() < 0.5
    assert result.confidence[late & (who[~away] == 0)].min() > 0.9
    free = track(TrackConfig(), part, times).tracks
    assert free.n_animals == 3  # nobody said that there are two


def test_a_false_detection_of_some_frames_takes_no_id():
    found, times, who = walkers(4, 2, frames=80)
    ghost = from_positions(
        np.array([30, 31]), np.full((2, 5, 2), 700.0) + np.arange(10.0).reshape(5, 2)
    )
    both = Detections(*(np.concatenate(pair) for pair in zip(found, ghost, strict=True)))
    order = np.argsort(both.frame, kind="stable")
    named = np.concatenate([who, [-1, -1]])[order]
    for number in (None, exactly(2)):
        result = track(TrackConfig(), both.select(order), times, number).tracks
        assert (result.id[named == -1] == UNTRACKED).all()
        assert result.n_animals == 2


def test_nothing_to_compare_is_never_a_pair():
    xy = np.full((6, 2, 2), np.nan)
    xy[::2, 0], xy[1::2, 1] = 10.0, 12.0  # keypoints that are never seen together
    found = from_positions(np.arange(6) // 2, xy)
    result = track(TrackConfig(length=20.0), found, np.arange(3) / 25, exactly(2))
    assert wrong_links(np.array([0, 1] * 3), result.tracks.id)[0] == 0
    empty = from_positions(np.arange(4), np.full((4, 2, 2), np.nan))
    assert len(set(track(TrackConfig(), empty, np.arange(4.0)).track.tolist())) == 4


def test_recordings_without_detections_or_with_one_frame_work():
    nobody = from_positions(np.zeros(0, dtype=int), np.zeros((0, 3, 2)))
    assert track(TrackConfig(), nobody, np.arange(5.0), exactly(2)).tracks.n_animals == 2
    assert track(TrackConfig(), nobody, np.zeros(0)).tracks.n_animals == 0
    one = from_positions(
        np.zeros(2, dtype=int), np.arange(12.0).reshape(2, 3, 2) * [[[1]], [[30]]]
    )
    assert track(TrackConfig(), one, np.zeros(1), exactly(2)).tracks.id.tolist() == [0, 1]


def test_looks_tell_who_is_back_where_motion_cannot():
    found, times, who = walkers(5, 2, frames=240)
    rng = np.random.default_rng(0)
    looks = np.eye(4)[who] + rng.normal(0, 0.1, (len(who), 4))
    found = found._replace(embedding=looks / np.linalg.norm(looks, axis=1, keepdims=True))
    xy = found.xy.copy()
    late = found.frame >= 200
    xy[late & (who == 0)] += [0.0, 200.0]  # they come back in each other's places
    xy[late & (who == 1)] -= [0.0, 200.0]
    part = found._replace(xy=xy).select((found.frame < 120) | late)
    named = who[(found.frame < 120) | late]
    assert wrong_links(named, track(TrackConfig(), part, times, exactly(2)).tracks.id)[0] == 0
    blind = part._replace(embedding=part.embedding[:, :0])
    assert wrong_links(named, track(TrackConfig(), blind, times, exactly(2)).tracks.id)[0] == 2


def test_flow_follows_what_the_images_show():
    found, times = crossing(step=2)
    canvas = np.random.default_rng(0).integers(0, 255, (320, 320)).astype(np.uint8)
    canvas = cv2.GaussianBlur(canvas, (0, 0), 3)
    shifted = found._replace(xy=found.xy + 160.0)

    def read(frame):
        image = canvas.copy()
        for row in np.flatnonzero(found.frame == frame):
            for n, (x, y) in enumerate(shifted.xy[row]):
                cv2.circle(image, (int(x), int(y)), 5, 60 * n + 40, -1)
        return image

    cfg = TrackConfig().override(["motion={kind: flow}"])
    ids = track(cfg, shifted, times, exactly(2), read).tracks.id.reshape(-1, 2)
    assert (ids == ids[0]).all()
    with pytest.raises(InputError, match="flow looks at images"):
        track(cfg, shifted, times, exactly(2))


def test_times_must_increase_and_fit():
    found, times = crossing()
    with pytest.raises(InputError, match="frame 3 is at"):
        track(TrackConfig(), found, np.where(np.arange(100) == 3, 0.0, times))
    with pytest.raises(InputError, match="do not fit"):
        track(TrackConfig(), found, times[:50])


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_settings_survive_yaml(preset, tmp_path):
    PRESETS[preset].to_yaml(tmp_path / "track.yaml")
    assert TrackConfig.from_yaml(tmp_path / "track.yaml") == PRESETS[preset]


@pytest.mark.parametrize("preset", sorted(PRESETS))
@pytest.mark.parametrize("matcher", trackers.matchers.kinds())
def test_every_preset_and_matcher_tracks_what_is_easy(preset, matcher):
    found, times, who = walkers(6, 3, frames=40)
    cfg = PRESETS[preset].override([f"matcher={{kind: {matcher}}}"])
    assert wrong_links(who, track(cfg, found, times, exactly(3)).tracks.id)[0] == 0


def read_slp(path):
    """Frames, poses and individuals (-1: none) of a SLEAP file."""
    sleap_io = pytest.importorskip("sleap_io")
    labels = sleap_io.load_slp(path, open_videos=False)
    names = [t.name for t in labels.tracks]
    rows = [
        (frame.frame_idx, i.numpy(), names.index(i.track.name) if i.track else -1)
        for frame in sorted(labels.labeled_frames, key=lambda frame: frame.frame_idx)
        for i in frame.instances
    ]  # fmt: skip
    frame, xy, who = zip(*rows, strict=True)
    return np.array(frame), np.array(xy, dtype=float), np.array(who)


def wrong_in_phases(recording, fps, n_animals, every):
    """Wrong and all links of every n-th frame, from the first eight starts."""
    frame, xy, who = recording
    wrong, links = 0, 0
    for phase in range(8):
        rows = frame % every == phase
        times = np.arange(phase, frame.max() + 1, every) / fps
        found = from_positions(frame[rows] // every, xy[rows])
        ids = track(TrackConfig(), found, times, exactly(n_animals)).tracks.id
        assert len(set(ids.tolist()) - {UNTRACKED}) == n_animals
        bad, some = wrong_links(who[rows], ids)
        wrong, links = wrong + bad, links + some
    return wrong, links


def test_three_flies_are_followed_at_a_sixteenth_of_the_frames(data):
    flies = read_slp(data / "flies_tracks" / "three_flies.slp")
    assert wrong_in_phases(flies, 30.0, 3, 8) == (0, 240)
    wrong, links = wrong_in_phases(flies, 30.0, 3, 16)
    assert wrong <= 3 and links == 120


def test_courtship_is_followed_at_a_32nd_of_the_frames(data):
    flies = read_slp(data / "flies_courtship" / "predictions.slp")
    assert wrong_in_phases(flies, 25.0, 2, 32) == (0, 1136)


def test_noisy_detections_of_two_flies_give_two_ids(data):
    frame, xy, _ = read_slp(data / "flies_tracks" / "two_flies_noisy_detections.slp")
    real_frame, real_xy, who = read_slp(data / "flies_tracks" / "two_flies.slp")
    truth = np.full(len(frame), -1)
    for f, pose, animal in zip(real_frame, real_xy, who, strict=True):
        rows = np.flatnonzero(frame == f)
        gaps = np.nanmean(np.linalg.norm(xy[rows] - pose, axis=-1), axis=1)
        truth[rows[gaps.argmin()]] = animal
    assert (truth == -1).sum() == 3
    ids = track(
        TrackConfig(), from_positions(frame, xy), np.arange(88) / 30, exactly(2)
    ).tracks.id
    assert set(ids.tolist()) - {UNTRACKED} == {0, 1}
    assert wrong_links(truth, ids)[0] == 0
    assert (ids[truth >= 0] != UNTRACKED).all()
