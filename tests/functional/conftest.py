# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the functional tests: a network, regions, and logs when something fails."""

import signal

import pytest
from network import Network
from postgres import Postgres
from process import Process
from region import Region

_network = None


def _the_network():
    global _network
    if _network is None:
        _network = Network()
    return _network


def pytest_configure(config):
    signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGINT))  # fixtures end as after Ctrl-C


def pytest_report_header(config):
    return _the_network().describe()


def pytest_terminal_summary(terminalreporter):
    if _network is not None and not _network.isolated:
        terminalreporter.write_line(_network.describe(), yellow=True)


def pytest_unconfigure(config):
    if _network is not None:
        _network.close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.failed:
        for process in Process.lasting + Process.started:
            if process.log.exists():
                report.sections.append((f"log of {process.name}", process.output()[-8000:]))


def end(processes):
    for process in reversed(processes):
        process.end_anyway()
    found = [(p.name, p.sanitizer_report()) for p in processes if p.sanitizer_report()]
    assert not found, "\n".join(f"{name}: {text}" for name, text in found)


@pytest.fixture(autouse=True)
def processes():
    """Ends every process that the test started; what a sanitizer found fails the test."""
    Process.started.clear()
    yield
    end(Process.started)


@pytest.fixture(scope="session")
def network():
    return _the_network()


@pytest.fixture
def make_region(network, tmp_path, processes):
    """make_region() -> Region that is not started; several may live side by side."""
    made = []

    def make(kind="server"):
        made.append(Region(network, tmp_path / f"region{len(made)}", kind))
        return made[-1]

    yield make
    for region in made:
        region.close()


@pytest.fixture
def postgres(processes):
    """A running PostgreSQL."""
    made = Postgres()
    try:
        yield made.start()
    finally:
        for process in reversed(Process.started):  # before what they wait for at their end
            process.end_anyway()
        made.remove()


@pytest.fixture
def region(make_region):
    """A running region without hosts."""
    return make_region().start()


@pytest.fixture(scope="module")
def lasting_region(network, tmp_path_factory):
    made = Region(network, tmp_path_factory.mktemp("region"))
    try:
        made.start()
        made.server.keep()
        yield made
    finally:
        made.close()
        kept, Process.lasting[:] = list(Process.lasting), []
        end(kept)


@pytest.fixture
def shared_region(lasting_region):
    """A running region without hosts, whose server lives on from test to test of a file:
    for many short stories. A file uses it by a fixture `region` of its own."""
    if not lasting_region.server.alive():
        Process.lasting.clear()
        lasting_region.start()
        lasting_region.server.keep()
    yield lasting_region
    if lasting_region.server.alive():
        lasting_region.clear()


@pytest.fixture
def isolated(network):
    """For stories that pull cables."""
    if not network.isolated:
        pytest.skip(f"needs network namespaces: {network.why_not}")
