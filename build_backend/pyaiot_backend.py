# SPDX-License-Identifier: BSD-3-Clause
"""setuptools, plus Node.js from PyPI where the page has to be built and the machine has no Node.js (PEP 517, 660).

What it makes is the same byte for byte wherever ``SOURCE_DATE_EPOCH`` is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from front_end import requirements
from reproducible import normalize
from setuptools import build_meta

build_editable = build_meta.build_editable
prepare_metadata_for_build_wheel = build_meta.prepare_metadata_for_build_wheel
prepare_metadata_for_build_editable = build_meta.prepare_metadata_for_build_editable

Settings = dict[str, Any] | None


def build_wheel(wheel_directory: str, config_settings: Settings = None, metadata_directory: str | None = None) -> str:
    name: str = build_meta.build_wheel(wheel_directory, config_settings, metadata_directory)
    normalize(Path(wheel_directory, name))
    return name


def build_sdist(sdist_directory: str, config_settings: Settings = None) -> str:
    name: str = build_meta.build_sdist(sdist_directory, config_settings)
    normalize(Path(sdist_directory, name))
    return name


def get_requires_for_build_wheel(config_settings: Settings = None) -> list[str]:
    return [*build_meta.get_requires_for_build_wheel(config_settings), *requirements()]


def get_requires_for_build_editable(config_settings: Settings = None) -> list[str]:
    return [*build_meta.get_requires_for_build_editable(config_settings), *requirements()]


def get_requires_for_build_sdist(config_settings: Settings = None) -> list[str]:
    return [*build_meta.get_requires_for_build_sdist(config_settings), *requirements()]
