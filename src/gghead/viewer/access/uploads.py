"""Files that a page sends: one at a time, whole, and not too large, so that visitors can't fill the memory."""

import msgspec

from gghead.viewer.access.client_messages import (
    PART_BYTES,
    FileTransferPart,
    FileTransferStartUpload,
    Message,
    Unwanted,
)

MAX_UPLOAD = 20 * 10**6
"""Of a file, bytes; a JPEG of a telephone's 50 megapixels has 10 to 15 million."""


class Uploads:
    """What one page has sent of a file.

    viser holds the parts until the last is there, and those of a file that is never finished until the page leaves:
    so there is one such file a page, and it has the size that it declares. It also lets any widget hold a file: all
    files of a page are for the widget of its first one, the button.
    """

    def __init__(self) -> None:
        self._transfer = self._button = ""
        self._size = self._arrived = 0

    def admit(self, message: Message, raw: str | bytes) -> str | bytes | None:
        """What viser is given of a message: the same, something instead of it, or nothing.

        A file that is too large is given on as an empty one, so that the page, which waits, hears of it; the parts that
        follow are dropped.

        Args:
            message: what `raw` was read as.
            raw: the message as it came.

        Raises:
            Unwanted: no page sends that.
        """
        if isinstance(message, FileTransferStartUpload):
            return self._start(message, raw)
        if isinstance(message, FileTransferPart):
            return self._go_on(message, raw)
        return raw

    def _start(self, message: FileTransferStartUpload, raw: str | bytes) -> str | bytes:
        if self._arrived < self._size:
            raise Unwanted("a file before the last one is there")
        if message.part_count != -(-message.size_bytes // PART_BYTES):
            raise Unwanted(f"{message.size_bytes} bytes in {message.part_count} parts")
        if self._button not in ("", message.source_component_uuid):
            raise Unwanted("files for two widgets")
        self._button = message.source_component_uuid
        if message.size_bytes > MAX_UPLOAD:
            return msgspec.msgpack.encode(msgspec.structs.replace(message, part_count=0, size_bytes=0))
        self._transfer, self._size, self._arrived = message.transfer_uuid, message.size_bytes, 0
        return raw

    def _go_on(self, message: FileTransferPart, raw: str | bytes) -> str | bytes | None:
        if message.transfer_uuid != self._transfer or self._arrived == self._size:
            return None
        expected = min(PART_BYTES, self._size - self._arrived)
        if message.part_index != self._arrived // PART_BYTES or len(message.content) != expected:
            raise Unwanted(f"part {message.part_index} of {len(message.content)} bytes; expected {expected} bytes")
        self._arrived += expected
        return raw
