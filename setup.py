# SPDX-License-Identifier: BSD-3-Clause
"""Builds the dashboard's page along with the Python packages. All metadata is in pyproject.toml."""

import shutil
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist
from setuptools.errors import SetupError

sys.path.insert(0, str(Path(__file__).resolve().parent / "build_backend"))

import front_end


class BuildPy(build_py):
    """Builds the page first. Without it everything else still installs; the dashboard then says why it is missing."""

    def run(self) -> None:
        if not front_end.is_current():
            try:
                front_end.build()
            except front_end.FrontEndError as error:
                front_end.note_failure(error)
                self.warn(f"the dashboard will have no page: {error}. Then run `pip install .` again.")
        # setuptools may have listed the package's files before the page was there.
        self.__dict__.pop("data_files", None)
        # Nor may a page of an earlier build, under other names, be left in what becomes the wheel.
        if not self.editable_mode:
            shutil.rmtree(Path(self.build_lib, "pyaiot", "dashboard", "static"), ignore_errors=True)
        super().run()


class SourceDistribution(sdist):
    """Builds the page first: who installs from the sdist needs no Node.js. An sdist without the page is not made."""

    def run(self) -> None:
        if not front_end.is_current():
            try:
                front_end.build()
            except front_end.FrontEndError as error:
                raise SetupError(f"{error.log}\nan sdist needs the dashboard's page: {error}") from None
        super().run()


setup(cmdclass={"build_py": BuildPy, "sdist": SourceDistribution})
