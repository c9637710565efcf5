# SPDX-License-Identifier: BSD-3-Clause
"""What MkDocs is told besides mkdocs.yml: pages that are not in docs/, sources as pages; all assets must be ours."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from manual import links, lists  # noqa: E402

log = logging.getLogger("mkdocs.hooks.site")

#: How a source is coloured, by its suffix.
LANGUAGES = {
    ".py": "python",
    ".c": "c",
    ".js": "js",
    ".html": "html",
    ".service": "ini",
    ".yml": "yaml",
    ".json": "json",
}
#: Code of so many characters stays on one line.
MAX_UNBROKEN = 30
#: A longer source is no page.
MAX_SOURCE_BYTES = 100_000


def on_startup(*, command: str, **_: Any) -> None:
    """A build says only what is wrong. (With `--quiet` MkDocs would not count it, and a strict build would pass.)"""
    if command == "build":
        for handler in logging.getLogger("mkdocs").handlers:
            if isinstance(handler, logging.StreamHandler):
                handler.setLevel(logging.WARNING)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Headings have the anchors that the repository's own links use."""
    config.mdx_configs.setdefault("toc", {})["slugify"] = links.slug
    return config


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the pages of ``links.PAGES``, the sources that pages link to, and the icon."""
    for page, origin in links.PAGES.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / origin)))
    wanted = {
        path
        for file in files.documentation_pages()
        for path in links.sources(file.content_string, file.src_uri)
        if (ROOT / path).exists()
    }
    for path in sorted(wanted):
        files.append(File.generated(config, links.page_of(path), content=source_page(path)))
    files.append(File.generated(config, "icon.svg", abs_src_path=str(ROOT / "dashboard/src/icon.svg")))
    return files


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Links lead to the site's pages, and lists are lists."""
    if page.file.src_uri.startswith("source/"):
        return markdown
    return lists.spelled(links.rewritten(markdown, page.file.src_uri))


def on_page_content(html: str, **_: Any) -> str:
    """Short code is not broken at its hyphens (``--broker-host``); long code in a table has to be, somewhere."""
    return re.sub(rf"<code>(?=[^<]{{1,{MAX_UNBROKEN}}}</code>)", '<code class="short">', html)


def source_page(path: str) -> str:
    """A file as a page, or the files of a folder, as git has them."""
    listed = subprocess.run(["git", "ls-files", "-z", "--", path], cwd=ROOT, capture_output=True, text=True).stdout
    names = sorted(filter(None, listed.split("\0"))) or ([path] if (ROOT / path).is_file() else [])
    parts = [_code(name, heading=len(names) > 1) for name in names]
    return f"---\ntitle: {path}\nsearch: {{exclude: true}}\nhide: [navigation]\n---\n# `{path}`\n\n" + "\n".join(parts)


def _code(name: str, *, heading: bool) -> str:
    text = (ROOT / name).read_text(encoding="utf-8")
    if len(text) > MAX_SOURCE_BYTES:
        text = "(too long to be shown here)"
    language = LANGUAGES.get(Path(name).suffix, "text")
    title = f"## `{Path(name).name}`\n\n" if heading else ""
    fence = "`" * max(3, 1 + max(map(len, re.findall(r"`+", text)), default=0))
    return f"{title}{fence}{language}\n{text}{fence}\n"


def on_post_build(*, config: MkDocsConfig) -> None:
    """Nothing that a page needs may be on another host; in a strict build this warning is a failure."""
    site = Path(config.site_dir)
    for file in sorted(site.rglob("*.html")):
        for asset in foreign_assets(file.read_text(encoding="utf-8")):
            log.warning("%s asks another host for %s", file.relative_to(site), asset)
    for file in sorted(site.rglob("*.css")):
        for asset in re.findall(
            r"(?:url\(|@import)\s*[\"']?((?:https?:)?//[^\"')\s]+)", file.read_text(encoding="utf-8")
        ):
            log.warning("%s asks another host for %s", file.relative_to(site), asset)


class _Assets(HTMLParser):
    """Collects what a browser fetches by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Links that a reader follows are no assets; `<pre class="mermaid">` fetches a program."""
        given = dict(attrs)
        asset = given.get("href") if tag == "link" else None if tag == "a" else given.get("src") or given.get("data")
        if asset and re.match(r"(?:https?:)?//", asset):
            self.found.append(asset)
        if "mermaid" in (given.get("class") or "").split():
            self.found.append("mermaid")


def foreign_assets(html: str) -> list[str]:
    """What a page would fetch from other hosts when it is opened."""
    parser = _Assets()
    parser.feed(html)
    return parser.found
