"""Fixtures of the studio's tests: Chromium."""

from browser import browser, context, faults, page, space_browser, space_page  # noqa: F401
