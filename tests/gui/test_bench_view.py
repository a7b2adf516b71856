"""``bench view`` counts frames of the real view and the wait for a real command; here on the stand-in engine."""

from __future__ import annotations

import pytest

from boneage_desk.common.errors import BoneAgeError
from boneage_desk.ui import theme
from boneage_desk.ui.bench_view import view
from boneage_desk.ui.main_window import MainWindow
from tests.gui.conftest import settle

pytestmark = pytest.mark.gui


@pytest.fixture
def bare(qtbot, qapp, fakes):
    """A window that nobody completed yet."""
    theme.apply(qapp)
    window = MainWindow(fakes.services)
    window.resize(1000, 700)
    with qtbot.waitSignal(window.painted, timeout=5000):
        window.show()
    yield window
    settle(qtbot, window)
    window.close()
    window.deleteLater()
    qtbot.wait(1)


def test_it_measures_each_kind_of_frame_and_the_regrade(bare, fakes):
    found = view(bare, fakes.services, fakes.path, 6)
    assert (found["columns"], found["rows"], found["bits"], found["boxes"], found["frames"]) == (1000, 1250, 12, 13, 6)
    for name in ("window_level", "zoom", "pan", "zoom_turned", "window_level_clahe"):
        assert found[f"{name}_fps"] >= found[f"{name}_fps_slowest_of_20"] > 0 and found[f"{name}_fps_own_time"] > 0
    assert 0 < found["regrade_ms_min"] <= found["regrade_ms"] <= found["regrade_ms_max"]
    assert len([call for call in fakes.engine.calls if call[0] == "regrade"]) == 16
    assert bare.desk.reading.bone("mc3").human_box is not None


def test_a_box_that_gets_no_grade_is_no_figure(bare, fakes, caplog):
    from boneage_desk.common.errors import EngineError

    fakes.engine.regrade_error = EngineError("no model", "none")
    with pytest.raises(BoneAgeError, match="no grade"):
        view(bare, fakes.services, fakes.path, 4)
