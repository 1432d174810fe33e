import socket
from contextlib import closing

import pytest

from gambol.app.web import ports, server


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(ports.tokens, "state_folder", lambda: tmp_path / "state")


def test_a_port_is_kept_by_project(tmp_path):
    assert ports.last(tmp_path / "a") is None
    ports.remember(tmp_path / "a", 8770)
    ports.remember(tmp_path / "b", 8771)
    assert (ports.last(tmp_path / "a"), ports.last(tmp_path / "b")) == (8770, 8771)


@pytest.mark.parametrize("text", ["", "x", "-3", "70000", "8765 8766"])
def test_what_is_no_port_is_forgotten(tmp_path, text):
    ports.remember(tmp_path, 8770)
    ports._file(tmp_path).write_text(text)
    assert ports.last(tmp_path) is None


def test_a_disk_that_takes_nothing_hinders_nobody(tmp_path):
    (tmp_path / "state").write_text("")
    ports.remember(tmp_path, 8770)
    assert ports.last(tmp_path) is None


def port_of(folder, **more):
    with server._listening(server.Options(folder, **more), folder) as listener:
        return listener.getsockname()[1]


def test_a_project_is_served_again_where_it_was_unless_somebody_is_there(tmp_path):
    with closing(socket.socket()) as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        ports.remember(tmp_path, taken)
        usual = port_of(tmp_path)
        assert usual != taken and usual >= server.PORT
    assert port_of(tmp_path) == taken
    assert port_of(tmp_path, port=0) != taken  # who says a port gets it
    assert ports.last(tmp_path) == taken  # 0 is no choice to keep


def test_a_port_that_is_not_ours_to_use_is_left_alone(tmp_path, monkeypatch):
    ports.remember(tmp_path, 1)

    def bind(self, address):
        if address[1] == 1:
            raise PermissionError(13, "Permission denied")
        return super(Socket, self).bind(address)

    class Socket(socket.socket):
        pass

    Socket.bind = bind
    monkeypatch.setattr(server.socket, "socket", Socket)
    assert port_of(tmp_path) >= server.PORT
