"""A visit to a page in Streamlit's own harness, and what is read there."""

import re
from html import unescape

from streamlit.testing.v1 import AppTest

from tests.ui.stores import APP


def opened(page, **query):
    """The page of that name, with these parameters in the URL, without an exception."""
    app = AppTest.from_file(str(APP), default_timeout=60)
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    app.switch_page(f"pages/{page}.py").run()
    assert not app.exception
    return app


def markup(app):
    """All HTML."""
    return "\n".join(element.proto.body for element in app.get("html") if "<style>" not in element.proto.body)


def words(app):
    """Everything that the page says, without markup; the charts by their titles."""
    said = [unescape(re.sub(r"<[^>]+>", " ", markup(app))), *(element.label.replace("\\", "") for element in app.expander)]
    said += [element.value.replace("\\", "") for element in [*app.code, *app.warning]]
    said += [element.proto.alt for element in app.get("plotly_chart")]
    return " ".join("\n".join(said).split())


def parameter(app, name):
    """What the URL says under a name; None where it does not."""
    found = app.query_params.get(name)
    return found[0] if isinstance(found, list) and len(found) == 1 else found
