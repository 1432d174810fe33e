"""Fixtures of the studio's tests: Chromium; and what a page showed when its test failed."""

import pytest
from browser import browser, context, faults, page, space_browser, space_page, told  # noqa: F401


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed and report.when == "call":
        pages = (item.funcargs.get(name) for name in ("page", "space_page"))
        report.sections += [("The page", told(one)) for one in pages if one is not None]
    return report
