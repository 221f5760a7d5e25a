"""The test suite keeps to itself."""

import os
import socket
from pathlib import Path

import pytest

from ingrained.settings import Settings


def test_another_machine_cannot_be_reached():
    with (
        socket.socket() as client,
        pytest.raises(RuntimeError, match=r"connect to '192\.0\.2\.1'"),
    ):
        client.connect(("192.0.2.1", 443))


def test_a_name_is_not_even_looked_up():
    with pytest.raises(RuntimeError, match="example"):
        socket.create_connection(("example.org", 443))


def test_this_machine_can_be_reached():
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()


def test_settings_point_into_the_folder_of_the_test(tmp_path: Path):
    settings = Settings()
    assert settings.home.is_relative_to(tmp_path)
    assert settings.cache.is_relative_to(tmp_path)
    assert settings.offline


def test_checkpoints_accept_plain_data_only():
    assert os.environ["LANGGRAPH_STRICT_MSGPACK"] == "true"
