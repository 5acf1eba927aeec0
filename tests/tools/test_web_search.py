"""BigModel's own web search: asked for, shown as links, and refused where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

import glm_magic as glm
from glm_magic.core.errors import UnsupportedError
from glm_magic.core.paths import config_folder
from tests.api.providers import PLACES, Place
from tests.servers.model_server import ModelServer
from tests.servers.script import Script

PAGES = (
    {
        "title": "Sky <b>& co</b>",
        "link": "https://example.org/sky?a=1&b=2",
        "content": "Blue.",
        "media": "Example",
        "publish_date": "2026-11-01",
        "refer": "ref_1",
    },
    {"title": "Trap", "link": "javascript:alert(1)"},
    {"title": "Sky [again](https://evil.test)", "link": "https://example.org/x)y"},
)
FOUND = Script(answer="It is blue.", pages=PAGES)
OTHERS = [place for place in PLACES if place.provider not in ("bigmodel", "zai")]


@pytest.mark.parametrize(
    ("place", "engine"), [(PLACES[4], "search_pro"), (PLACES[5], "search-prime")]
)
def test_a_search_is_asked_for_and_its_pages_are_links(place: Place, engine: str) -> None:
    with ModelServer(strict=True) as server:
        server.tell(FOUND)
        reply = glm.ask("Why?", **place.asked(server, tools=["web_search"]))
        (tool,) = server.last.json["tools"]
    assert tool["type"] == "web_search"
    assert tool["web_search"] == {"enable": True, "search_engine": engine, "search_result": True}
    assert [link.url for link in reply.links] == [PAGES[0]["link"], PAGES[2]["link"]]
    first = reply.links[0]
    assert (first.site, first.date, first.text) == ("Example", "2026-11-01", "Blue.")
    data = reply._repr_mimebundle_()[0]
    assert 'href="https://example.org/sky?a=1&amp;b=2"' in data["text/html"]
    assert "Sky &lt;b&gt;&amp; co&lt;/b&gt;" in data["text/html"]
    assert "example.org · Example · 2026-11-01" in data["text/html"]
    assert "javascript:" not in data["text/html"] + data["text/markdown"] + data["text/plain"]
    assert "&#91;again&#93;" in data["text/markdown"]
    assert "https://example.org/sky" in data["text/plain"]
    assert reply.answer == "It is blue."


def test_an_added_provider_has_the_search_of_its_dialect(isolated_home: Path) -> None:
    table = '[provider.school]\ntitle = "school"\ndialect = "bigmodel"\nbase_url = "http://h"\n'
    folder = config_folder()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "school.toml").write_text(table, encoding="utf-8")
    with ModelServer(strict=True) as server:
        server.tell(FOUND)
        options = PLACES[4].asked(server, tools=["web_search"], provider="school")
        glm.ask("Why?", **options)
        (tool,) = server.last.json["tools"]
    assert tool["web_search"]["search_engine"] == "search_pro"


def test_the_users_own_settings_of_the_search_are_sent_as_they_are() -> None:
    own = {"type": "web_search", "web_search": {"enable": True, "search_engine": "search_std"}}
    with ModelServer(strict=True) as server:
        server.tell(FOUND)
        glm.ask("Why?", **PLACES[4].asked(server, tools=[own]))
        assert server.last.json["tools"] == [own]


@pytest.mark.parametrize("place", OTHERS, ids=lambda place: f"{place.provider}-{place.flavor}")
@pytest.mark.parametrize("tool", ["web_search", {"type": "web_search", "web_search": {}}])
def test_where_there_is_none_it_is_refused_plainly(place: Place, tool: object) -> None:
    with ModelServer(place.flavor) as server:
        with pytest.raises(UnsupportedError, match="has no web search") as caught:
            glm.ask("Why?", **place.asked(server, tools=[tool]))
        assert not server.requests
    assert "bigmodel" in caught.value.hint


@pytest.mark.parametrize(
    "odd", [(), ({"link": None},), ({"title": "no link"},), ({"link": "ftp://x"},)]
)
def test_results_without_a_web_address_are_no_links(odd: tuple[dict[str, str], ...]) -> None:
    with ModelServer() as server:
        server.tell(Script(answer="It is blue.", pages=odd))
        reply = glm.ask("Why?", **PLACES[4].asked(server, tools=["web_search"]))
    assert reply.links == ()
    assert reply.answer == "It is blue."
