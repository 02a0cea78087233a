"""A page sends one whole file at a time, and none too large; nothing else makes viser hold bytes."""

import pytest

pytest.importorskip("viser", reason="the viewer needs the extra `viewer`")
import msgspec
from hypothesis import given, settings, strategies as st

from gghead.viewer.access.client_messages import (
    PART_BYTES,
    FileTransferPart,
    FileTransferStartUpload,
    Message,
    Unwanted,
    read,
)
from gghead.viewer.access.uploads import MAX_UPLOAD, Uploads


def start(size: int, transfer: str = "a", parts: int | None = None) -> FileTransferStartUpload:
    parts = -(-size // PART_BYTES) if parts is None else parts
    return FileTransferStartUpload("button", transfer, "portrait.jpg", "image/jpeg", parts, size)


def part(index: int, size: int, transfer: str = "a") -> FileTransferPart:
    return FileTransferPart("button", transfer, index, bytes(size))


def admit(uploads: Uploads, message: Message) -> Message | None:
    """What viser reads."""
    admitted = uploads.admit(message, msgspec.msgpack.encode(message))
    return None if admitted is None else read(admitted)


def test_files_come_one_after_the_other() -> None:
    uploads = Uploads()
    for transfer in ("a", "b"):
        first, last = part(0, PART_BYTES, transfer), part(1, 5, transfer)
        for message in (start(PART_BYTES + 5, transfer), first, last):
            assert admit(uploads, message) == message
    assert admit(uploads, start(0, "c")) == start(0, "c")
    assert admit(uploads, start(3, "d")) == start(3, "d")


def test_a_file_that_is_too_large_is_an_empty_one_and_the_next_is_taken() -> None:
    uploads = Uploads()
    for size in (MAX_UPLOAD + 1, 2**40):
        assert admit(uploads, start(size)) == start(0)
        assert admit(uploads, part(0, PART_BYTES)) is None
    assert admit(uploads, start(MAX_UPLOAD, "b")) == start(MAX_UPLOAD, "b")
    assert admit(uploads, part(1, PART_BYTES)) is None, "one of the large file, which the page goes on sending"
    assert admit(uploads, part(0, PART_BYTES, "b")) is not None


def test_parts_that_a_page_would_not_send_are_dropped() -> None:
    with pytest.raises(Unwanted, match="in 7 parts"):
        Uploads().admit(start(10, parts=7), b"")
    uploads = Uploads()
    uploads.admit(start(PART_BYTES + 5), b"")
    for wrong in (part(1, 5), part(0, 5), part(2**40, PART_BYTES), start(3, "b")):
        with pytest.raises(Unwanted):
            uploads.admit(wrong, b"")


def test_one_widget_of_a_page_gets_files() -> None:
    uploads = Uploads()
    assert admit(uploads, start(3)) == start(3)
    assert admit(uploads, part(0, 3)) is not None
    other = FileTransferStartUpload("seed", "b", "portrait.jpg", "image/jpeg", 1, 3)
    with pytest.raises(Unwanted, match="two widgets"):
        uploads.admit(other, b"")
    assert admit(uploads, start(3, "c")) == start(3, "c")


messages = st.builds(start, st.sampled_from([0, 3, PART_BYTES, PART_BYTES + 1, MAX_UPLOAD + 1]), st.sampled_from("ab"))
parts = st.builds(part, st.integers(0, 2), st.sampled_from([0, 1, 3, PART_BYTES]), st.sampled_from("ab"))


@settings(deadline=None)
@given(st.lists(messages | parts, max_size=20))
def test_viser_never_holds_more_than_a_file(sent: list[FileTransferStartUpload | FileTransferPart]) -> None:
    uploads = Uploads()
    held: dict[str, list[int]] = {}  # what is there and what is declared, of files that viser waits for
    for message in sent:
        try:
            admitted = admit(uploads, message)
        except Unwanted:
            continue
        if isinstance(admitted, FileTransferStartUpload) and admitted.part_count:
            held[admitted.transfer_uuid] = [0, admitted.size_bytes]
        elif isinstance(admitted, FileTransferPart):
            held[admitted.transfer_uuid][0] += len(admitted.content)
        held = {name: (there, size) for name, (there, size) in held.items() if there < size}
        held = {name: list(pair) for name, pair in held.items()}
        assert len(held) <= 1
        assert sum(size for _, size in held.values()) <= MAX_UPLOAD
