import clips
import numpy as np

from gambol.io.video.demux import contents, decode_all


def test_packets_before_an_edit_are_marked(clip):
    packets = contents(clip("edit_list"))
    assert packets.discard.sum() == 10
    assert len(packets.pts) == 70
    assert packets.missing == 0


def test_decoding_tells_the_order_in_which_packets_are_shown(clip):
    packets = contents(clip("bframes"))
    by_time = np.argsort(packets.pts)
    assert decode_all(clip("bframes"), packets.pos).order == by_time.tolist()


def test_all_kinds_of_clips_are_whole(clip):
    promised = {k.__name__: contents(clip(k.__name__)).missing for k in clips.KINDS}
    assert set(promised.values()) == {0}
