from filmroom.index.packing import pack, unpack


def test_a_text_comes_back_as_it_was() -> None:
    text = b'{"00080060":{"vr":"CS","Value":["CT"]}}' * 50
    assert unpack(pack(text)) == text
    assert len(pack(text)) < len(text) / 10
