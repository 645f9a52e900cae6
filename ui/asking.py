"""What the page writes to the store: a request for a study, and the wish that one ends. Nothing else of the page writes."""

import hashlib
import json
import logging

import streamlit as st

from levelfield.holders import is_gone
from levelfield.planning.record import new_record
from levelfield.problems import StudyError
from levelfield.services import ServiceError, discover
from levelfield.store import Store, StoreError, requesting
from levelfield.study import parse_study
from ui.permission import NotAllowedError, allowed

LOG = logging.getLogger("levelfield.ui")
VIEW, FOLLOWED, ANSWER = "view", "launch-followed", "launch-answer"
VIEWS = COMPOSE, QUEUE = "Compose", "Queue"  # what the page shows, as the URL has it
_ASKED = "launch-asked"  # what this visitor has asked for last, and the study that it became
SOURCE = "study"


class AlreadyAskedError(Exception):
    """The visitor has just asked for the very same: a second click, or the page drawn again, is no second wish."""


def launch(url: str, text: str, name: str, *, priority: int, certify: bool) -> requesting.Request:
    """Ask for the study of this YAML. Raises NotAllowedError, AlreadyAskedError, StudyError, ServiceError or StoreError."""
    asker = allowed()
    if asked_as(text, name, priority=priority, certify=certify):
        raise AlreadyAskedError
    study = parse_study(text, discover(), name=name, source=SOURCE)
    priority = min(max(priority, requesting.LOWEST), requesting.HIGHEST)
    with Store.open(url, as_it_is=True) as store:
        request = requesting.submit(store, new_record(study), asked_by=asker.name, priority=priority, options={"certify": certify})
    st.session_state[_ASKED] = (_mark(text, name, priority=priority, certify=certify), request.study_id)
    return request


def stop(url: str, request_id: int) -> bool:
    """Ask for the end of a study; whether it is over at once. Raises NotAllowedError or StoreError."""
    asker = allowed()
    with Store.open(url, as_it_is=True) as store:
        if requesting.of(store, request_id) is None:
            raise StoreError("The study has been deleted")
        return requesting.ask_to_stop(store, request_id, asker.name, gone=is_gone)


def asked_as(text: str, name: str, *, priority: int, certify: bool) -> str | None:
    """The id of the study that this visitor got for the very same wish, if it was the last one."""
    mark, study_id = st.session_state.get(_ASKED, ("", ""))
    return study_id if mark == _mark(text, name, priority=priority, certify=certify) else None


def forget() -> None:
    """The same may be asked for again."""
    st.session_state.pop(_ASKED, None)


def on_launch(url: str, text: str, name: str, priority: int, certify: bool) -> None:  # noqa: FBT001 - what a button passes
    """What the button does; the page, drawn anew, says what came of it."""
    try:
        request = launch(url, text, name, priority=priority, certify=certify)
    except AlreadyAskedError:
        return
    except (NotAllowedError, StudyError, ServiceError, StoreError) as error:
        st.session_state[ANSWER] = f"It was not asked for. {error}"
        return
    except Exception as error:  # of a callback the page would show the traceback
        LOG.exception("a study could not be asked for")
        st.session_state[ANSWER] = f"It was not asked for. {type(error).__name__}: {error}"
        return
    st.session_state[FOLLOWED] = request.study_id
    st.query_params[VIEW] = QUEUE
    st.session_state.pop(ANSWER, None)


def on_stop(url: str, request_id: int) -> None:
    """As `on_launch`."""
    try:
        stop(url, request_id)
    except (NotAllowedError, StoreError) as error:
        st.session_state[ANSWER] = f"It was not stopped. {error}"
        return
    except Exception as error:
        LOG.exception("request %s could not be stopped", request_id)
        st.session_state[ANSWER] = f"It was not stopped. {type(error).__name__}: {error}"
        return
    st.session_state.pop(ANSWER, None)


def _mark(text: str, name: str, *, priority: int, certify: bool) -> str:
    return hashlib.sha256(json.dumps([text, name, priority, certify]).encode()).hexdigest()
