"""Server-sent events (HTML, section 9.2), as browsers' EventSource reads them."""

MEDIA_TYPE = "text/event-stream"


def retry(milliseconds: int) -> bytes:
    """When to connect again."""
    return f"retry: {milliseconds}\n\n".encode()


def event(identifier: int, name: str, data: bytes) -> bytes:
    """An event; its data have no line breaks, as JSON has none."""
    return f"id: {identifier}\nevent: {name}\ndata: ".encode() + data + b"\n\n"


def pulse(identifier: int) -> bytes:
    """A sign of life, which is no event. Who connects again after it goes on behind `identifier`."""
    return f":\nid: {identifier}\n\n".encode()
