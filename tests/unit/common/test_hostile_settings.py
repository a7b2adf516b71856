"""Settings and other small files that a person or another program spoilt: refused in words, never read without an end."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boneage_desk.common import settings
from boneage_desk.common.errors import BoneAgeError, InputError
from boneage_desk.common.files import parse_json, read_small, small_text


def written(folder: Path, content: bytes) -> Path:
    (folder / "settings.json").write_bytes(content)
    return folder


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"null", b"[1]", b'"text"', b"\xff\xfe{\x00}", b"[" * 100_000, b'{"a":' * 100_000, b"{}" * 2,
        b'{"version": "1e9"}', b'{"version": [1]}', b'{"version": NaN}', b'{"version": Infinity}', b'{"version": true}',
        b'{"version": 2}', b'{"version": ' + b"9" * 5000 + b"}", b'{"version": 1.5}', b'{"version": null}',
        b'{"lock_minutes": NaN}', b'{"lock_minutes": 1e400}', b'{"lock_minutes": -1}', b'{"lock_minutes": "5"}',
        b'{"lock_minutes": ' + b"9" * 400 + b"}", b'{"backup_folder": 7}', b'{"theme": {"a": 1}}', b'{"language": ["en"]}',
        b'{"site_name": ["x"]}', b'{"reader_name": null}', b'{"second_opinion_engines": [{}]}', b'{"device": "cuda; rm -rf /"}',
        b'{"signing_tsa": "file:///etc/passwd"}', b'{"signing_pkcs11_slot": 1e300}', b'{"report_logo": {}}',
    ],
)  # fmt: skip
def test_settings_that_lie_are_refused_in_words(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(InputError) as caught:
        settings.load(written(tmp_path, content))
    assert caught.value.remedy and len(caught.value.message) < 6000


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from([*settings.Settings.__dataclass_fields__, "version", "other"]), values, max_size=4))
def test_any_json_is_settings_or_a_refusal(tmp_path_factory: pytest.TempPathFactory, given_values: dict[str, Any]) -> None:
    folder = written(tmp_path_factory.mktemp("s"), json.dumps(given_values).encode())
    try:
        found = settings.load(folder)
    except BoneAgeError:
        return
    settings.save(folder, found)
    assert settings.load(folder) == found


def test_settings_of_gigabytes_are_not_read(tmp_path: Path) -> None:
    """A file with a hole: it takes no disk, but would take a gigabyte of memory."""
    with open(tmp_path / "settings.json", "wb") as file:
        file.write(b"{")
        file.truncate(1 << 30)
    with pytest.raises(InputError, match="larger than 1 MB"):
        settings.load(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_or_a_device_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "settings.json")
    with pytest.raises(InputError, match="no file"):
        settings.load(tmp_path)
    with pytest.raises(OSError, match="no file"):
        read_small(Path("/dev/zero"), 10)
    with pytest.raises(OSError, match="no file"):
        read_small(tmp_path, 10)


def test_what_is_small_is_read_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("\ufeffa\r\nb\rc\n".encode())
    assert small_text(path, 20, "utf-8-sig") == "a\nb\nc\n"
    assert read_small(path, path.stat().st_size) == path.read_bytes()
    with pytest.raises(OSError, match="larger"):
        read_small(path, path.stat().st_size - 1)
    assert parse_json('{"a": [1]}') == {"a": [1]}
    with pytest.raises(ValueError, match="deep"):
        parse_json("[" * 100_000)
