"""Whether a file is DICOM, told by how it begins: names say nothing."""

ENOUGH = 132  # bytes


def is_dicom(head: bytes) -> bool:
    """The prefix of PS3.10 §7.1 behind the preamble, or a data set without both. `head` is `ENOUGH` bytes, or all."""
    return head[128:132] == b"DICM" or (len(head) >= ENOUGH and is_data_set(head))


def is_data_set(head: bytes) -> bool:
    """Without the preamble of PS3.10 §7.1: a first element of group 2 or 8, and an element number below 256."""
    return head[:2] in {b"\x02\0", b"\x08\0"} and head[3:4] == b"\0"
