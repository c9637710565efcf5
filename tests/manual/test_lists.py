# SPDX-License-Identifier: BSD-3-Clause
"""Lists mean to Python-Markdown what they mean where the repository is read."""

from __future__ import annotations

import pytest

from manual.lists import spelled


@pytest.mark.parametrize(
    ("text", "there"),
    [
        ("Say:\n- one\n- two\n", "Say:\n\n- one\n- two\n"),
        ("- one\n  goes on\n- two\n", "- one\n    goes on\n- two\n"),
        ("- so:\n\n      $ aiot ls\n\n  and so\n", "- so:\n\n        $ aiot ls\n\n    and so\n"),
        ("1. so:\n\n   ```sh\n   aiot ls\n   ```\n\nOut\n", "1. so:\n\n    ```sh\n    aiot ls\n    ```\n\nOut\n"),
        ("- so:\n\n  more\n- two\n- three\n", "- so:\n\n    more\n\n- two\n- three\n"),
        ("- one\n  - inner\n", "- one\n    - inner\n"),
        ("- one\n\n    aiot ls\n", "- one\n\n      aiot ls\n"),
        ("- one\n\nOut\n\n    code\n", "- one\n\nOut\n\n    code\n"),
        ("```\nx\n- no item\n  x\n```\n\n    - no item\n", "```\nx\n- no item\n  x\n```\n\n    - no item\n"),
    ],
)
def test_lists_are_spelled_for_the_site(text: str, there: str) -> None:
    assert spelled(text) == there
