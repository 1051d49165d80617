"""What uvicorn writes to: it sends the head of an answer by itself, and then the body.

To send costs several times what it takes to copy a small answer, for each time the kernel wakes the client, which then
finds half of what it waits for. So the head goes with the first bytes of the body, or at the end of this turn of the
event loop, if there are none yet.
"""

from asyncio import AbstractEventLoop
from typing import Any

_HEAD = b"HTTP/1.1 "
_INTERIM = b"HTTP/1.1 1"  # "100 Continue", for which the client waits


class Transport:
    """A transport of the event loop, which has all that this has not."""

    def __init__(self, transport: Any, loop: AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._head = b""  # not sent yet

    def write(self, data: bytes) -> None:
        """Send, or have sent soon. A body may begin like a head; it too is then sent a moment later."""
        if self._head:
            head, self._head = self._head, b""
            self._transport.writelines((head, data))
        elif data.startswith(_HEAD) and not data.startswith(_INTERIM):
            self._head = data
            self._loop.call_soon(self._send)
        else:
            self._transport.write(data)

    def close(self) -> None:
        """End the connection, when all that was written is sent."""
        self._send()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def _send(self) -> None:
        if self._head and not self._transport.is_closing():
            self._transport.write(self._head)
        self._head = b""
