# SPDX-License-Identifier: BSD-3-Clause
"""``python -m release``, which is ``make dist``: makes what is published, and does with it what a user will.

::

    tree       the last commit, as files
    building   wheel and sdist, twice over; both must be the same
    contents   what has to be inside, and what must not
    clean_room an environment that knows neither Node.js nor these sources; the demo there
    live_page  a value that changes, as Chromium shows it
    bundled    the JavaScript packages inside the page
    sbom       what all of it is made of (CycloneDX)

``python -m release.audit`` asks the advisories' services about the same packages; it is part of ``make check``.
"""
