"""A stored reading that this version cannot decode: the list shows the others and names it."""

from __future__ import annotations

import pytest

from boneage_desk.common.errors import StoreError
from boneage_desk.reading.codec import Unread
from tests.gui.conftest import settle, texts
from tests.gui.test_work_list import add, shown_ids

pytestmark = pytest.mark.gui
WHY = "A stored reading was written by a newer version of BoneAge Desk."


@pytest.mark.parametrize("lost", ["s0", "s2"])
def test_the_list_goes_on_past_a_reading_of_a_newer_version_and_names_it(qtbot, desk_window, fakes, lost: str) -> None:
    add(fakes, 3, read=True)
    page = fakes.store.page

    def with_one(count: int, before: str | None = None) -> list[object]:
        error = StoreError(WHY, "Update the program.", code="newer")
        return [Unread(lost, error) if item.reading_id == lost else item for item in page(count, before)]

    fakes.store.page = with_one
    window = desk_window()
    settle(qtbot, window)
    qtbot.waitUntil(lambda: window.work_list.model.every == 2, timeout=10000)
    assert shown_ids(window) == [name for name in ("s2", "s1", "s0") if name != lost]
    qtbot.waitUntil(lambda: any(lost in line and WHY in line for line in texts(window)), timeout=10000)
