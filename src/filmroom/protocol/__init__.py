"""The message syntax of PS3.18 §8: media types, negotiation, multipart, targets, queries. No sockets."""
