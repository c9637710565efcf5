# SPDX-License-Identifier: BSD-3-Clause
"""What a browser lets the pages do: the headers that say so. Pure."""

from __future__ import annotations

from collections.abc import Iterable

#: The sensors of the device that a page may ask its user for.
SENSORS = ("accelerometer", "camera", "geolocation", "gyroscope", "microphone")


def security_headers(images: Iterable[str], brokers: Iterable[str]) -> dict[str, str]:
    """Return the headers that every answer carries; ``images`` and ``brokers`` are CSP sources.

    The page may load from here, talk to here and to its broker, and show images of the configured hosts; nothing else.
    Trusted Types keep text from becoming markup; the policies are Svelte's, for its own
    constant templates, and that of the one script that the page has the browser run beside it.
    """
    policy = {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "worker-src": ["'self'"],
        "manifest-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:", *images],
        "connect-src": ["'self'", *brokers],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "require-trusted-types-for": ["'script'"],
        "trusted-types": ["svelte-trusted-html", "pyaiot-service-worker"],
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {' '.join(values)}" for name, values in policy.items()),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": permissions(),
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }


def permissions(allowed: tuple[str, ...] = ()) -> str:
    """Return the Permissions-Policy of a page that may ask for the ``allowed`` sensors."""
    return ", ".join(f"{sensor}={'(self)' if sensor in allowed else '()'}" for sensor in SENSORS)
