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
START = {
    "type": "FileTransferStartUpload",
    "source_component_uuid": "a",
    "transfer_uuid": "b",
    "filename": "portrait.jpg",
    "mime_type": "image/jpeg",
    "part_count": 1,
    "size_bytes": 3,
}
PART = {
    "type": "FileTransferPart",
    "source_component_uuid": "a",
    "transfer_uuid": "b",
    "part_index": 0,
    "content": b"c",
}


def test_the_messages_of_a_page_are_let_in() -> None:
    largest = PART | {"content": bytes(client_messages.PART_BYTES)}
    for message in (CAMERA, DRAG, UPDATE, UPDATE | {"updates": {"value": [1, 2, 3]}}, START, PART, largest):
        raw = msgspec.msgpack.encode(message)
        assert len(raw) <= client_messages.MAX_PART_MESSAGE
        assert type(client_messages.read(raw)).__name__ == message["type"]


def test_only_parts_of_files_are_long() -> None:
    for message in (CAMERA | {"more": "x" * 2**16}, PART | {"content": bytes(client_messages.PART_BYTES + 1)}):
        with pytest.raises(client_messages.Unwanted):
            client_messages.read(msgspec.msgpack.encode(message))


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
@given(st.sampled_from([CAMERA, DRAG, UPDATE, START, PART]), st.data())
def test_odd_messages_are_dropped_or_have_the_right_types(message: dict, data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(sorted(message)))
    changed = message | {key: data.draw(json_like)}
    try:
        client_messages.read(msgspec.msgpack.encode(changed))
    except client_messages.Unwanted:
        return
    for name, value in changed.items():
        if name != "updates":
            assert isinstance(value, int | float if isinstance(message[name], float) else type(message[name])) or (
                message[name] is None
            )
