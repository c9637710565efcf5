# SPDX-License-Identifier: BSD-3-Clause
"""placeholder, replaced within minutes"""
from typing import Any, TypeAlias
JSON: TypeAlias = Any
