"""Signatures of webhooks, as the Standard Webhooks scheme has them."""

from filmroom.protocol import signatures

# Of the scheme's own documents
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SIGNED = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_example_of_the_scheme() -> None:
    secret = signatures.parse_secret(SECRET)
    headers = signatures.sign([secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": SIGNED,
    }


def test_while_one_secret_takes_the_place_of_another_both_sign() -> None:
    secrets = [signatures.parse_secret(SECRET), signatures.parse_secret(signatures.new_secret())]
    signed = signatures.sign(secrets, "a", 1, b"")["webhook-signature"].split()
    assert signed[0] == signatures.sign(secrets[:1], "a", 1, b"")["webhook-signature"]
    assert len(set(signed)) == 2


def test_new_secrets_differ() -> None:
    assert signatures.new_secret() != signatures.new_secret()
    assert len(signatures.parse_secret(signatures.new_secret())) == 32
