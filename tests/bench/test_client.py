import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from bench import client

Serve = Callable[[bytes], client.Connection]
OK = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Make Connections, each to a server that answers alike every time, or closes if it gave no length."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threads = []

        def answer(reply: bytes) -> None:
            connection, _ = listening.accept()
            with connection:
                while connection.recv(65536):
                    connection.sendall(reply)
                    if not (b"Length" in reply or b"chunked" in reply):
                        return

        def start(reply: bytes) -> client.Connection:
            threads.append(threading.Thread(target=answer, args=(reply,)))
            threads[-1].start()
            return client.Connection(*listening.getsockname())

        yield start
        for thread in threads:
            thread.join()


def ask(connection: client.Connection, times: int = 1) -> client.Answer:
    answers = [connection.ask([[b"GET / HTTP/1.1\r\n", b"\r\n"]]) for _ in range(times)]
    connection.close()
    return answers[-1]


def test_content_of_known_length(serve: Serve) -> None:
    answer = ask(serve(OK + b"Content-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"), times=2)
    assert (answer.status, answer.body, answer.field("content-type")) == (200, b"hello", "text/plain")


def test_content_longer_than_the_buffer(serve: Serve) -> None:
    content = bytes(range(256)) * 4000
    assert ask(serve(OK + b"Content-Length: 1024000\r\n\r\n" + content), times=2).body == content


def test_content_in_chunks(serve: Serve) -> None:
    reply = OK + b"Transfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n1000\r\n" + b"d" * 4096 + b"\r\n0\r\n\r\n"
    assert ask(serve(reply), times=2).body == b"abc" + b"d" * 4096


def test_content_until_the_server_closes(serve: Serve) -> None:
    assert ask(serve(OK + b"\r\n" + b"z" * 300_000)).body == b"z" * 300_000


def test_no_content(serve: Serve) -> None:
    assert ask(serve(b"HTTP/1.1 204 No Content\r\nX-Length: 0\r\n\r\n")).body == b""


def test_an_answer_that_is_cut_off_is_an_error(serve: Serve) -> None:
    connection = serve(b"HTTP/1.1 200 OK\r\nX: y\r\n")
    with pytest.raises(ConnectionError, match="whole"):
        ask(connection)
    connection.close()


def test_clients_share_the_tasks(serve: Serve) -> None:
    connections = [serve(OK + b"Content-Length: 2\r\n\r\nok") for _ in range(2)]
    asked: list[int] = []

    def task(number: int) -> client.Task:
        asked.append(number)
        return client.Task([[b"x"]], lambda _: None)

    timing = client.run(connections, task, count=3, seconds=0)
    for connection in connections:
        connection.close()
    assert (sorted(asked), len(timing.latencies), timing.received) == ([0, 1, 2], 3, 6)


def test_whose_thread_begins_when_the_time_is_over_asks_once(serve: Serve) -> None:
    connections = [serve(OK + b"Content-Length: 2\r\n\r\nok") for _ in range(2)]
    timing = client.run(connections, lambda _: client.Task([[b"x"]], lambda _: None), count=None, seconds=0)
    for connection in connections:
        connection.close()
    assert (len(timing.latencies), timing.received) == (2, 4)


def test_one_wrong_answer_ends_the_run_of_all_clients(serve: Serve) -> None:
    wrong = iter(["no"])

    def refuse_the_first(_: client.Answer) -> None:
        for said in wrong:
            raise client.WrongAnswerError(said)

    connections = [serve(OK + b"Content-Length: 2\r\n\r\nok") for _ in range(2)]
    with pytest.raises(client.WrongAnswerError):
        client.run(connections, lambda _: client.Task([[b"x"]], refuse_the_first), count=None, seconds=600)
    for connection in connections:
        connection.close()


def test_who_ends_the_run_waits_for_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def end(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(client, "wait", end)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        connection = client.Connection(*silent.getsockname())
        with pytest.raises(KeyboardInterrupt):
            client.run([connection], lambda _: client.Task([[b"x"]], lambda _: None), count=1, seconds=0)
        connection.close()


def test_what_a_check_leaves_for_later_is_looked_at_when_all_have_answered(serve: Serve) -> None:
    order: list[str] = []

    def check(_: client.Answer) -> Callable[[], None]:
        order.append("answered")
        return lambda: order.append("looked at")

    connection = serve(OK + b"Content-Length: 0\r\n\r\n")
    task = client.Task([[b"GET / HTTP/1.1\r\n\r\n"]], check)
    client.run([connection], lambda _: task, 2, 0)
    connection.close()
    assert order == ["answered", "answered", "looked at", "looked at"]
