import pytest

from bench import data, service


@pytest.mark.parametrize("frames", [1, 3])
def test_a_store_request_is_as_long_as_it_says(frames: int) -> None:
    at = service.Service("F", "http://127.0.0.1:8080/dicomweb/")
    made = data.Instance(data.Shape(8, 8, frames), at.run, 0, 0, 0)
    sent = b"".join(piece for pieces in at.store(made).request for piece in pieces)
    head, _, content = sent.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /dicomweb/studies HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n")
    assert f"Content-Length: {len(content)}".encode() in head
    assert b"".join(made.pieces()) in content


def test_several_instances_are_parts_of_one_request() -> None:
    at = service.Service("F", "http://127.0.0.1:8080/dicomweb/")
    made = [data.Instance(data.Shape(8, 8), at.run, 0, 0, number) for number in range(20)]
    sent = b"".join(piece for pieces in at.store(*made).request for piece in pieces)
    head, _, content = sent.partition(b"\r\n\r\n")
    assert f"Content-Length: {len(content)}".encode() in head
    parts = content.split(b"--" + service.BOUNDARY)
    files = [part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n") for part in parts[1:-1]]
    assert files == [b"".join(one.pieces()) for one in made]


def test_studies_get_new_numbers() -> None:
    at = service.Service("F", "http://localhost/v2")
    assert [at.new_study(), at.new_study()] == [0, 1]
    assert data.Instance(data.KB_10, at.run, 0, 0, 0).uids != data.Instance(data.KB_10, at.run, 1, 0, 0).uids


def test_other_urls_are_refused() -> None:
    with pytest.raises(SystemExit, match="https is not measured"):
        service.Service("F", "https://example.org/dicomweb")
