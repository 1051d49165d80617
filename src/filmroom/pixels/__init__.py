"""Pixel data: bytes in, bytes out. Decoding, encoding and change of Transfer Syntax, in worker processes."""
