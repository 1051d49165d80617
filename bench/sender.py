"""Bytes of memory to whoever asks, in pieces of 1 MB: the loopback's own speed, `python -m bench.sender PORT`."""

import contextlib
import socket
import sys

PIECE = bytes(range(256)) * 4096
ANSWER = 80 * len(PIECE)  # about as long as the Series of the rows
HEAD = f"HTTP/1.1 200 OK\r\nContent-Length: {ANSWER}\r\n\r\n".encode()


def main() -> None:
    """Serve one client after the other."""
    with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listening:
        while True:
            connection, _ = listening.accept()
            with connection, contextlib.suppress(ConnectionError):
                while connection.recv(4096):
                    connection.sendall(HEAD)
                    for _ in range(ANSWER // len(PIECE)):
                        connection.sendall(PIECE)


if __name__ == "__main__":
    main()
