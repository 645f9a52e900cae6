"""Who may have the page ask for something: nobody unless it is turned on and, where a login is configured, only who is signed in."""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.errors import StreamlitSecretNotFoundError

SWITCH = "LEVELFIELD_UI_LAUNCH"
ON = {"1", "true", "yes", "on"}
CLAIMS = ("email", "name", "preferred_username", "sub")  # of an identity token, the first that is there
NAME_LENGTH = 200
OFF = f"Launching from this page is off. `{SWITCH}=1` in the environment of the report turns it on."
SIGNED_OUT = "Only who is signed in may launch or stop a study."
UNREADABLE = "The settings of the login cannot be read, so nobody may launch or stop a study: look into Streamlit's `secrets.toml`."


class NotAllowedError(Exception):
    """The visitor may not ask for that; the message says why, with code between backticks."""


@dataclass(frozen=True, kw_only=True)
class Visitor:
    """``name`` is what a request says of who asked; ``refusal``: why they may ask for nothing, None where they may.

    ``providers``: those that the login is configured with; ``is_signed_in`` says nothing where there are none.
    """

    name: str
    refusal: str | None
    providers: tuple[str, ...] = ()
    is_signed_in: bool = False


def visitor() -> Visitor:
    """Whoever has this page open now. Asked anew whenever something is to be written: what the page shows protects nothing."""
    auth = _login()
    signed_in = bool(auth) and st.user.get("is_logged_in") is True
    return Visitor(
        name=_name() if signed_in else f"ui@{socket.gethostname()}",
        refusal=_refusal(auth, signed_in=signed_in),
        providers=_providers(auth or {}),
        is_signed_in=signed_in,
    )


def allowed() -> Visitor:
    """The visitor, who may ask. Raises NotAllowedError."""
    found = visitor()
    if found.refusal:
        raise NotAllowedError(found.refusal)
    return found


def is_on() -> bool:
    """Whether the report is configured to launch at all."""
    return os.environ.get(SWITCH, "").strip().lower() in ON


def _refusal(auth: Mapping[str, Any] | None, *, signed_in: bool) -> str | None:
    if not is_on():
        return OFF
    if auth is None:
        return UNREADABLE
    return SIGNED_OUT if auth and not signed_in else None


def _login() -> Mapping[str, Any] | None:
    """Streamlit's section ``[auth]``, empty where no login is configured; None where nobody can tell, which must open no door."""
    try:
        found = st.secrets.get("auth", {})
    except StreamlitSecretNotFoundError:
        return None if any(Path(file).exists() for file in st.config.get_option("secrets.files")) else _told_by_session()
    except OSError:
        return None
    return (found or None) if "auth" in st.secrets else _told_by_session()


def _told_by_session() -> Mapping[str, Any]:
    """Streamlit says whether a visitor is logged in only where a login is configured."""
    return {"configured": True} if "is_logged_in" in st.user else {}


def _providers(auth: Mapping[str, Any]) -> tuple[str, ...]:
    """The names that `streamlit.login` takes; "" is the one without a name."""
    unnamed = [""] if "client_id" in auth else []
    return (*unnamed, *(name for name, value in auth.items() if isinstance(value, Mapping)))


def _name() -> str:
    told = next((str(st.user[claim]) for claim in CLAIMS if st.user.get(claim)), "somebody who is signed in")
    return "".join(letter for letter in told if letter.isprintable())[:NAME_LENGTH]
