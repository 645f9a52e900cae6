"""Opens a page of the report in Streamlit's own harness, and reads what it says."""

import re
from html import unescape

from streamlit.testing.v1 import AppTest

from tests.ui.stores import APP


def run(page="verdict", /, **query):
    """A page over the store that LEVELFIELD_STORE names, by a link with that query."""
    app = AppTest.from_file(str(APP), default_timeout=30)
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    if page != "verdict":
        app.switch_page(f"views/{page}.py")
        for name, value in query.items():
            app.query_params[name] = value
        app.run()
    assert_whole(app)
    return app


def assert_whole(app):
    """Nothing that nobody thought of has happened."""
    assert not app.exception
    assert not [
        element.proto.body for element in app.get("html") if "lf-broken" in element.proto.body and "<style>" not in element.proto.body
    ]


def markup(app):
    """All of its HTML."""
    return "\n".join(element.proto.body for element in app.get("html") if "<style>" not in element.proto.body)


def parameter(app, name):
    """What the URL says under a name; None where it does not."""
    found = app.query_params.get(name)
    return found[0] if isinstance(found, list) and len(found) == 1 else found


def words(app):
    """Everything that the page says, without markup."""
    said = [unescape(re.sub(r"<[^>]+>", " ", markup(app))), *(element.label.replace("\\", "") for element in app.expander)]
    said += [element.value.replace("\\", "") for element in [*app.code, *app.warning]]
    said += [element.proto.alt for element in app.get("plotly_chart")]
    return re.sub(r"[ \t]+", " ", "\n".join(said))
