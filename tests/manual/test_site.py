# SPDX-License-Identifier: BSD-3-Clause
"""The site: where links lead, and that a browser fetches nothing from elsewhere."""

from __future__ import annotations

import pytest

from manual import links


@pytest.mark.parametrize(
    ("page", "link", "there"),
    [
        ("index.md", "docs/mqtt.md#topics-by-example", "mqtt.md#topics-by-example"),
        ("index.md", "PROTOCOL.md", "protocol.md"),
        ("index.md", "docs/map.png", "map.png"),
        ("index.md", "#more", "#more"),
        ("index.md", "https://example.org/PROTOCOL.md", "https://example.org/PROTOCOL.md"),
        ("mqtt.md", "../PROTOCOL.md#12-mqtt", "protocol.md#12-mqtt"),
        ("mqtt.md", "../firmware/micropython/README.md", "micropython.md"),
        ("micropython.md", "../../README.md", "index.md"),
        ("systemd.md", "../systemd", "source/systemd.md"),
        ("api.md", "examples/lamps.py", "source/docs/examples/lamps.py.md"),
        ("vectors.md", "gateway_link.json", "source/tests/vectors/gateway_link.json.md"),
    ],
)
def test_a_link_leads_to_the_page_of_the_site(page: str, link: str, there: str) -> None:
    assert links.rewritten(f"See [this]({link}).", page) == f"See [this]({there})."


def test_code_is_left_as_it_is() -> None:
    text = "[a](PROTOCOL.md)\n\n```md\n[a](PROTOCOL.md)\n```\n\n[b](LICENSE)\n"
    assert links.rewritten(text, "index.md") == text.replace("PROTOCOL.md", "protocol.md", 1).replace(
        "(LICENSE)", "(source/LICENSE.md)"
    )
    assert list(links.sources(text, "index.md")) == ["LICENSE"]


def test_a_source_is_shown_and_not_run() -> None:
    source_page = pytest.importorskip("manual.site", exc_type=ImportError).source_page
    page = source_page("docs/examples/vote.html")
    assert "\n```html\n<!doctype html>\n" in page
    assert page.endswith("</script>\n</html>\n```\n")
    riot = source_page("docs/examples/riot")
    assert "## `Makefile`\n\n```" in riot
    assert "## `main.c`\n\n```c\n" in riot


def test_what_is_fetched_from_elsewhere_is_found() -> None:
    foreign_assets = pytest.importorskip("manual.site", exc_type=ImportError).foreign_assets
    ours = '<a href="https://example.org">x</a><link href="site.css"><img src="map.png"><script src="a.js"></script>'
    assert foreign_assets(ours) == []
    theirs = '<link rel="preconnect" href="https://a.example"><img src="//b.example/c.png"><pre class="mermaid"></pre>'
    assert foreign_assets(theirs) == ["https://a.example", "//b.example/c.png", "mermaid"]
