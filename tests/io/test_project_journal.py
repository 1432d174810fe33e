from pathlib import PurePosixPath

import pytest

from gambol.io import project_journal
from gambol.io.project_journal import REMOTE, _kind, of_mount, quicken, settle, unescaped


def mode(project):
    return project._all("PRAGMA journal_mode")[0][0]


def test_a_local_disk_writes_ahead_and_a_network_drive_does_not(project, monkeypatch):
    monkeypatch.setattr(project_journal, "is_local", lambda path: False)
    assert quicken(project.connection, project.path) == REMOTE and mode(project) == "delete"
    monkeypatch.setattr(project_journal, "is_local", lambda path: True)
    assert quicken(project.connection, project.path) == "" and mode(project) == "wal"
    assert project._all("PRAGMA synchronous") == [(2,)]
    settle(project.connection)
    assert mode(project) == "delete"


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home/a/p", "ext4"),
        ("/lab/mice/p", "nfs4"),
        ("/lab x/p", "cifs"),
        ("/laboratory", "ext4"),
    ],
)
def test_the_innermost_mount_counts(path, kind):
    mounts = [
        ("/", "rootfs"),
        ("/", "ext4"),
        ("/lab", "nfs4"),
        (unescaped("/lab\\040x"), "cifs"),
    ]
    assert _kind(PurePosixPath(path), mounts) == kind


def test_what_mount_says_of_drives():
    told = "//me@server/labs on /Volumes/labs (smbfs, nodev)\n/dev/disk1 on / (apfs, local)\n"
    assert of_mount(told) == [("/Volumes/labs", "remote"), ("/", "local")]
