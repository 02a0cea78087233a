"""What a browser may send: its camera, new values of widgets, the drag of the pad's knob, and a file in parts.

viser takes many more kinds and looks at no types: an odd message would end in a traceback, and one that updates a
widget could overwrite anything of it. So each message is read here first, by a schema.
"""

from typing import Annotated, Any, Literal

import msgspec
import viser.infra

MAX_BYTES = 2**16
"""Longest message of a browser that is no part of a file; a camera takes 300."""
PART_BYTES = 2**19
"""Pages cut files into parts of this size; the last one is smaller."""
MAX_PART_MESSAGE = PART_BYTES + 2**12
"""Longest message with a part in it."""
MAX_TEXT = 1000
"""Longest text in a field."""

Text = Annotated[str, msgspec.Meta(max_length=MAX_TEXT)]
Pixels = Annotated[int, msgspec.Meta(ge=0, le=2**15)]
Count = Annotated[int, msgspec.Meta(ge=0)]
Pair = tuple[float, float]
Triple = tuple[float, float, float]


class Unwanted(ValueError):
    """A message that no page sends; the text says what is wrong with it."""


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


class FileTransferStartUpload(Message):
    """A file is about to be sent."""

    source_component_uuid: Text
    transfer_uuid: Text
    filename: Text
    mime_type: Text
    part_count: Count
    size_bytes: Count


class FileTransferPart(Message):
    """A part of it."""

    source_component_uuid: Text
    transfer_uuid: Text
    part_index: Count
    content: Annotated[bytes, msgspec.Meta(max_length=PART_BYTES)]


DECODER = msgspec.msgpack.Decoder(
    ViewerCameraMessage | GuiUpdateMessage | SceneNodeDragMessage | FileTransferStartUpload | FileTransferPart
)


def read(raw: Any) -> Message:
    """A message, after viser's reader has taken it, too.

    Args:
        raw: as it came from the network: bytes, or text.

    Raises:
        Unwanted: no page sends such a message.
    """
    if not isinstance(raw, bytes):
        raise Unwanted("text instead of bytes")
    try:
        message = DECODER.decode(raw)
        viser.infra.Message.deserialize(raw)
    except Exception as error:  # whatever viser's reader makes of it
        raise Unwanted(f"{type(error).__name__}: {str(error)[:200]}") from error
    if len(raw) > MAX_BYTES and not isinstance(message, FileTransferPart):
        raise Unwanted(f"{len(raw)} bytes; expected at most {MAX_BYTES}")
    return message
