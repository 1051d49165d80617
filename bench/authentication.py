"""What it costs to say who one is: a service that asks nobody, one with static tokens, one with a provider's.

    python -m bench.authentication [--rounds 8] [--rows PATTERN] [--folder DIR]

The three run at the same time, and are asked in turn. On a shared machine their CPU varies by more than authentication
takes; so that is measured by itself, too, as the event loop does it, and compared with a request of who is nobody.
"""

import argparse
import asyncio
import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from bench import commands, machine, tables
from bench.rounds import measure
from bench.rows import FULL, ROWS
from bench.servers import Server, Setup, filmroom, folder_in
from filmroom import tokens
from filmroom.access import BUILT_IN, Roles
from filmroom.server.authentication import Authority
from filmroom.server.identity import Provider

ROLE, AUDIENCE, KEY, TOKENS = "admin", "bench", "bench-key", "tokens.json"
TIMES = 20_000


def main(arguments: Sequence[str] | None = None) -> None:
    """Print what a request costs each of the three."""
    parser = argparse.ArgumentParser("bench.authentication", description="Measure what authentication costs.")
    parser.add_argument("--rounds", type=commands.count, default=8, help="of two seconds, for each service and row")
    commands.choosing(parser, "frame-1", "search-patient-1")
    parser.add_argument("--folder", type=Path, help="where everything is stored; on a real disk")
    given = parser.parse_args(arguments)
    rows = commands.chosen(given, ROWS)
    with ExitStack() as stack:
        folder = stack.enter_context(folder_in(given.folder))
        servers = [stack.enter_context(one) for one in _services(folder, stack)]
        names = [one.name for one in servers]
        print(machine.said(machine.described(folder)), tables.legend(names), sep="\n")
        results = measure(servers, rows, replace(FULL, rounds=given.rounds))
        alone = {one.name: asyncio.run(_alone(folder, one)) for one in servers[1:]}
    for row, found in results:
        costs = [median((one.usage.cpu or 0) / len(one.timing.latencies) for one in each.rounds) for each in found]
        for server, cost in zip(servers, costs, strict=True):
            taken = alone.get(server.name)
            more = "" if taken is None else f"; by itself {taken * 1e6:.1f} us, {taken / costs[0]:.2%}"
            print(f"{row.name:20} {server.name:25} {cost * 1000:.3f} ms of CPU a request{more}")


def _services(folder: Path, stack: ExitStack) -> Iterator[Any]:
    for name in ("nobody", "static", "provider"):
        (folder / name).mkdir()
    yield _service("nobody has to say", folder / "nobody")
    file = folder / TOKENS
    _, token = tokens.create(file, "bench", [ROLE], [], None)
    yield _service("a static token", folder / "static", token, "--tokens", str(file))
    issuer, token = stack.enter_context(_provider())
    yield _service("a token of a provider", folder / "provider", token, "--issuer", issuer, "--audience", AUDIENCE)


async def _alone(folder: Path, server: Server) -> float:
    """Seconds of CPU that finding out who asks takes by itself, once a token is known."""
    _, _, token = server.fields[0].rpartition(" ")
    static = tokens.shown(token) is not None
    issuer = "" if static else jwt.decode(token, options={"verify_signature": False})["iss"]
    provider = None if static else Provider(issuer, [AUDIENCE], ["RS256"], 60)
    authority = Authority(provider, folder / TOKENS if static else None, Roles(BUILT_IN))
    await authority.begin()
    head = [(b"host", b"127.0.0.1"), (b"accept", b"*/*"), (b"authorization", f"Bearer {token}".encode())]
    await authority.identified(head)
    began = time.process_time()
    for _ in range(TIMES):
        await authority.identified(head)
    spent = time.process_time() - began
    authority.close()
    return spent / TIMES


@contextmanager
def _service(name: str, folder: Path, token: str = "", *options: str) -> Iterator[Server]:
    with filmroom(folder, Setup(1, options=options)) as server:
        yield replace(server, name=name, fields=(f"Authorization: Bearer {token}",) if token else ())


@contextmanager
def _provider() -> Iterator[tuple[str, str]]:
    """An identity provider with one key, and a token of it (RS256)."""
    key = rsa.generate_private_key(65537, 2048)
    public = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True) | {"kid": KEY, "alg": "RS256"}
    document: dict[str, Any] = {"keys": [public]}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(document).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        issuer = f"http://127.0.0.1:{server.server_port}"
        document |= {"issuer": issuer, "jwks_uri": f"{issuer}/keys"}
        threading.Thread(target=server.serve_forever, daemon=True).start()
        claims = {"iss": issuer, "aud": AUDIENCE, "sub": "bench", "roles": [ROLE], "exp": time.time() + 86_400}
        yield issuer, jwt.encode(claims, key, "RS256", {"kid": KEY})
        server.shutdown()


if __name__ == "__main__":
    commands.run(main)
