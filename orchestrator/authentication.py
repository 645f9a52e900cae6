"""Ray's token authentication, which it reads from the environment of every process: without it whoever reaches a node runs code there.

What the user has set stands. Ray itself turns it on for a node, and not for a driver, where somebody has ever made a token on this machine.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

# As Ray's own `ray.init` does it; there is no public way.
from ray._raylet import AuthenticationTokenLoader, Config  # type: ignore[attr-defined]

MODE, TOKEN = "RAY_AUTH_MODE", "RAY_AUTH_TOKEN"


def asks_for_token() -> bool:
    """Whether nodes that this process starts let nobody in who does not show a token, and know which."""
    return os.environ.get(MODE) == "token" and AuthenticationTokenLoader.instance().has_token(ignore_auth_mode=True)


@contextmanager
def own_token() -> Iterator[None]:
    """Nodes that are started meanwhile, and this process, know a token that nobody else knows."""
    with _environment({} if MODE in os.environ else {MODE: "token", TOKEN: secrets.token_hex(32)}):
        yield


@contextmanager
def users_token() -> Iterator[None]:
    """Show the token that the user has, where there is one; a cluster that asks for none takes it, too."""
    has_token = AuthenticationTokenLoader.instance().has_token(ignore_auth_mode=True)
    with _environment({MODE: "token"} if has_token and MODE not in os.environ else {}):
        yield


@contextmanager
def _environment(changes: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    _read_again()
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
        _read_again()


def _read_again() -> None:
    Config.initialize("")
    AuthenticationTokenLoader.instance().reset_cache()
