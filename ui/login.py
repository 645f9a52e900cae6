"""Signing in and out, where a login is configured."""

import streamlit as st
from streamlit.errors import StreamlitAuthError

from ui.asking import ANSWER
from ui.look import div
from ui.permission import Visitor


def bar(asker: Visitor) -> None:
    """Who is signed in, or where one can be."""
    with st.container(horizontal=True, vertical_alignment="center"):
        if asker.is_signed_in:
            st.html(div("", f"Signed in as {asker.name}"), width="content")
            st.button("Sign out", on_click=st.logout, key="sign-out", type="tertiary")
            return
        for name in asker.providers:
            st.button(f"Sign in with {name}" if name else "Sign in", on_click=_sign_in, args=(name,), key=f"sign-in-{name}")


def _sign_in(provider: str) -> None:
    try:
        st.login(provider or None)
    except StreamlitAuthError as error:
        st.session_state[ANSWER] = f"Nobody can sign in: {error}"
