"""What a browser may send: its camera, new values of widgets, and the drag of the pad's knob.

viser takes many more kinds and looks at no types: an odd message would end in a traceback, and one that updates a
widget could overwrite anything of it. So each message is read here first, by a schema.
"""

from typing import Annotated, Any, Literal

import msgspec
import viser.infra

MAX_BYTES = 2**16
"""Longest message of a browser; a camera takes 300."""
MAX_TEXT = 1000
"""Longest text in a field."""

Text = Annotated[str, msgspec.Meta(max_length=MAX_TEXT)]
Pixels = Annotated[int, msgspec.Meta(ge=0, le=2**15)]
Pair = tuple[float, float]
Triple = tuple[float, float, float]


class Message(msgspec.Struct, tag_field="type"):
    """A message of a kind that is let in."""


class ViewerCameraMessage(Message):
    """The visitor's camera; numbers may be NaN, the view refuses them in words."""

    wxyz: tuple[float, float, float, float]
    position: Triple
    fov: float
    near: float
    far: float
    image_height: Pixels
    image_width: Pixels
    look_at: Triple
    up_direction: Triple


class Updates(msgspec.Struct, forbid_unknown_fields=True):
    """The new value of a widget, and nothing else of it."""

    value: bool | int | float | Text | Annotated[list[float], msgspec.Meta(max_length=4)]


class GuiUpdateMessage(Message):
    """A widget was used."""

    uuid: Text
    updates: Updates


class SceneNodeDragMessage(Message):
    """The knob was dragged."""

    phase: Literal["start", "update", "end"]
    name: Text
    instance_index: int | None
    start_position: Triple
    start_screen_pos: Pair
    end_position: Triple
    end_screen_pos: Pair
    button: Literal["left", "middle", "right"]
    modifier: Text | None
    owner: Text = ""


DECODER = msgspec.msgpack.Decoder(ViewerCameraMessage | GuiUpdateMessage | SceneNodeDragMessage)


def objection(raw: Any) -> str | None:
    """What speaks against giving a message to viser, or None.

    Args:
        raw: as it came from the network: bytes, or text.
    """
    if not isinstance(raw, bytes):
        return "text instead of bytes"
    try:
        DECODER.decode(raw)
        viser.infra.Message.deserialize(raw)
    except Exception as error:  # whatever viser's reader makes of it
        return f"{type(error).__name__}: {str(error)[:200]}"
    return None
