# SPDX-License-Identifier: BSD-3-Clause
"""What an installed page is called and looks like (W3C Web Application Manifest). Pure."""

from __future__ import annotations

from typing import Any

#: The page's ground in the light theme, until its style is there.
GROUND = "#f4f6f8"


def manifest(title: str, favicon: str | None) -> dict[str, Any]:
    """Return the web application manifest of a page. All addresses are relative to it: it may be below any path."""
    icons = [
        {"src": "icons/icon-192.png", "sizes": "192x192", "type": "image/png"},
        {"src": "icons/icon-512.png", "sizes": "512x512", "type": "image/png"},
        {"src": "icons/maskable-512.png", "sizes": "512x512", "type": "image/png", "purpose": "maskable"},
    ]
    return {
        "name": title,
        "short_name": title,
        "id": "./",
        "start_url": "./",
        "scope": "./",
        "display": "standalone",
        "background_color": GROUND,
        "theme_color": GROUND,
        "icons": [{"src": favicon, "sizes": "any"}] if favicon else icons,
    }
