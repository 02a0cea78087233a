"""Messages of the page are let in, odd ones are dropped.

No server runs in this file: its threads take random numbers, which hypothesis minds.
"""

import pytest

pytest.importorskip("viser", reason="the viewer needs the extra `viewer`")
import msgspec
from hypothesis import given, settings, strategies as st

from gghead.viewer.access import client_messages
from viewer.test_server import CAMERA

DRAG = {
    "type": "SceneNodeDragMessage",
    "phase": "update",
    "name": "/pad/knob",
    "instance_index": None,
    "start_position": [0.0, 0.0, 0.0],
    "start_screen_pos": [0.0, 0.0],
    "end_position": [0.0, 0.0, 0.0],
    "end_screen_pos": [0.0, 0.0],
    "button": "left",
    "modifier": None,
    "owner": "",
}
UPDATE = {"type": "GuiUpdateMessage", "uuid": "a", "updates": {"value": 1}}


def test_the_messages_of_a_page_are_let_in() -> None:
    for message in (CAMERA, DRAG, UPDATE, UPDATE | {"updates": {"value": [1, 2, 3]}}):
        assert client_messages.objection(msgspec.msgpack.encode(message)) is None


json_like = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats()
    | st.text(max_size=5)
    | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=5,
)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([CAMERA, DRAG, UPDATE]), st.data())
def test_odd_messages_are_dropped_or_have_the_right_types(message: dict, data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(sorted(message)))
    changed = message | {key: data.draw(json_like)}
    if client_messages.objection(msgspec.msgpack.encode(changed)) is None:
        for name, value in changed.items():
            if name != "updates":
                assert isinstance(value, int | float if isinstance(message[name], float) else type(message[name])) or (
                    message[name] is None
                )
