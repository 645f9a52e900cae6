"""A page of the report in Streamlit's own harness, and what it says."""

import re
from html import unescape

from streamlit.testing.v1 import AppTest

from tests.ui.stores import APP


def open_page(name, **query):
    """The page of that name, as a link with this query opens it."""
    app = AppTest.from_file(str(APP), default_timeout=30)
    for key, value in query.items():
        app.query_params[key] = value
    app.run()
    app.switch_page(f"views/{name}.py").run()
    assert not app.exception
    return app


def markup(app):
    """All HTML of the page."""
    return "\n".join(element.proto.body for element in app.get("html") if "<style>" not in element.proto.body)


def words(app):
    """Everything that the page says, without markup."""
    said = [unescape(re.sub(r"<[^>]+>", " ", markup(app))), *(element.label.replace("\\", "") for element in app.expander)]
    said += [element.value.replace("\\", "") for element in [*app.code, *app.warning]]
    said += [element.proto.alt for element in app.get("plotly_chart")]
    return re.sub(r"[ \t]+", " ", "\n".join(said))
