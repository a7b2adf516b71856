"""InferenceService against the AnalysisEngine protocol: a real child process, real architectures, random weights.

One child serves the quick tests; each test of dying, cancelling or hanging ends with a working engine.
"""

from __future__ import annotations

import inspect
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path

import numpy as np
import pytest

from boneage_desk.common.errors import Cancelled, EngineError, InputError, StandardError
from boneage_desk.common.jobs import CancelToken
from boneage_desk.engines import transport
from boneage_desk.engines.child import Child
from boneage_desk.engines.service import InferenceService
from boneage_desk.engines.worker import LOG_NAME
from boneage_desk.reading.film import Frame, Voi
from boneage_desk.reading.findings import Box
from boneage_desk.reading.ports import AnalysisEngine
from boneage_desk.standards.rus_chn import BONES
from boneage_desk.standards.types import Sex
from tests.random_models import write_models

BOX = Box(60, 80, 190, 210)
posix = pytest.mark.skipif(os.name != "posix", reason="sends POSIX signals")


def frame(seed: int = 0, shape: tuple[int, int] = (400, 300), dtype: type = np.uint16) -> Frame:
    top = int(np.iinfo(dtype).max)
    noise = np.random.default_rng(seed).normal(0.3, 0.1, shape)
    blob = np.exp(-(((np.indices(shape) - np.array(shape)[:, None, None] / 2) / 60) ** 2).sum(0))
    pixels = ((noise + blob).clip(0, 2) / 2 * top).astype(dtype)
    pixels.flags.writeable = False
    return Frame(pixels, top, (Voi("as is"),))


@pytest.fixture(scope="session")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # written by another process: this one must stay free of model libraries
    folder = tmp_path_factory.mktemp("models")
    code = "import sys; from pathlib import Path; from tests.random_models import write_models; "
    code += "write_models(Path(sys.argv[1]))"
    env = {**os.environ, "YOLO_CONFIG_DIR": str(folder), "YOLO_OFFLINE": "true", "YOLO_VERBOSE": "false"}
    root = Path(inspect.getfile(write_models)).parent.parent
    subprocess.run([sys.executable, "-W", "ignore", "-c", code, str(folder)], check=True, env=env, cwd=root)
    return folder


@pytest.fixture(scope="session")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("engine scratch 引擎")


@pytest.fixture(scope="session")
def engine(models_dir: Path, scratch: Path) -> Iterator[InferenceService]:
    service = InferenceService(models_dir, scratch=scratch, threads=1, backend="torch", device="cpu")
    service.start()
    yield service
    service.stop()


def until(condition: object, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


def child_pid(service: InferenceService) -> int:
    until(lambda: service.state().startswith("ready"))
    child = service.keeper._child
    assert child is not None and child.process.pid is not None
    return child.process.pid


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """The child stands still, as if it hung."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        try:
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            pass


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z" if Path(f"/proc/{pid}").exists() else True


# ------------------------------------------------------------------------------ the protocol
def test_fulfils_the_protocol(engine: InferenceService) -> None:
    for name, member in inspect.getmembers(AnalysisEngine, inspect.isfunction):
        if name.startswith("_"):
            continue
        wanted, given = inspect.signature(member), inspect.signature(getattr(InferenceService, name))
        assert list(wanted.parameters) == list(given.parameters), name


def test_start_returns_at_once_and_twice_is_one(engine: InferenceService) -> None:
    began = time.perf_counter()
    engine.start()
    assert time.perf_counter() - began < 0.2
    pid = child_pid(engine)
    engine.start()
    assert child_pid(engine) == pid
    assert engine.state() == "ready: cpu"


def test_models_come_from_the_cards_before_the_process_is_up(models_dir: Path, tmp_path: Path) -> None:
    service = InferenceService(models_dir, scratch=tmp_path)
    assert service.state() == "stopped"
    assert [ref.tag for ref in service.models()] == ["yolov8n.random", "efficientnet_b3.random"]
    assert all(len(ref.sha256) == 64 for ref in service.models())
    assert service.state() == "stopped"


def test_analyse_of_a_film_without_a_hand_is_a_flag(engine: InferenceService) -> None:
    steps: list[tuple[float, str]] = []
    result = engine.analyse(frame(), progress=lambda share, step: steps.append((share, step)))
    assert [bone.bone for bone in result.bones] == list(BONES)
    assert all(bone.region is None and bone.grade is None for bone in result.bones)
    assert [(flag.code, flag.blocking) for flag in result.flags] == [("no_hand", True)]
    assert result.models == engine.models()
    assert result.device == "cpu/torch"
    assert result.interval is not None
    row = result.interval.row(Sex.FEMALE, 100)
    assert row is not None and row.half_width_months == 12.5
    assert result.timing_ms["total"] >= result.timing_ms["detect"] > 0
    assert steps[-1][0] == 1.0
    assert [share for share, _ in steps] == sorted(share for share, _ in steps)


def test_one_grey_film_is_no_hand(engine: InferenceService) -> None:
    pixels = np.full((200, 100), 7, np.uint8)
    result = engine.analyse(Frame(pixels, 255, (Voi("as is"),)))
    assert [flag.code for flag in result.flags] == ["no_hand"]


@pytest.mark.parametrize("shape", [(1, 1), (3, 900), (40, 40)])
def test_tiny_films_are_no_hand(engine: InferenceService, shape: tuple[int, int]) -> None:
    result = engine.analyse(frame(1, shape))
    assert "no_hand" in [flag.code for flag in result.flags]


def test_regrade_gives_probabilities_of_the_bone(engine: InferenceService) -> None:
    film = frame(2)
    result = engine.regrade(film, "radius", BOX, 12.0)
    assert result.bone == "radius" and result.region is None and result.grade is not None
    assert sum(result.grade.probabilities) == pytest.approx(1, abs=1e-6)
    assert result.models == engine.models() and result.models, "it names what graded the box"
    assert engine.regrade(film, "radius", BOX, 12.0) == result
    assert engine.regrade(film, "radius", Box(100, 80, 290, 270), 12.0).grade != result.grade


def test_regrade_of_sixteen_and_eight_bits_agree(engine: InferenceService) -> None:
    deep = frame(3)
    shallow = Frame((deep.pixels >> 8).astype(np.uint8), 255, deep.vois)
    a, b = (engine.regrade(film, "mc1", BOX, 0.0).grade for film in (deep, shallow))
    assert a is not None and b is not None
    np.testing.assert_allclose(a.probabilities, b.probabilities, atol=0.05)


def test_regrade_refuses_an_unknown_bone(engine: InferenceService) -> None:
    with pytest.raises(StandardError, match="mc2"):
        engine.regrade(frame(), "mc2", BOX, 0.0)


def test_regrade_on_nothing_is_refused(engine: InferenceService) -> None:
    with pytest.raises(InputError) as caught:
        engine.regrade(frame(), "ulna", Box(5000, 5000, 5100, 5100), 0.0)
    assert caught.value.code == "empty-crop"
    assert caught.value.remedy


def test_grade_crops_of_any_size_in_order(engine: InferenceService) -> None:
    random = np.random.default_rng(5)
    crops = [random.integers(0, top, shape, dtype=kind) for shape, kind, top in (
        ((90, 90), np.uint8, 255), ((31, 77), np.uint16, 65535), ((400, 300), np.uint8, 90), ((12, 12), np.uint16, 900),
    )]  # fmt: skip
    opinions = engine.grade_crops(crops, "dp3")
    assert [opinion.bone for opinion in opinions] == ["dp3"] * 4
    for a, b in zip(engine.grade_crops(crops[::-1], "dp3"), opinions[::-1], strict=True):
        np.testing.assert_allclose(a.probabilities, b.probabilities, atol=1e-4)
    assert engine.grade_crops([], "dp3") == []


def test_a_blank_crop_is_refused_by_number(engine: InferenceService) -> None:
    good = np.random.default_rng(6).integers(0, 255, (50, 50), dtype=np.uint8)
    with pytest.raises(InputError, match="Crop 2 is empty") as caught:
        engine.grade_crops([good, np.zeros((50, 50), np.uint8)], "dp3")
    assert caught.value.code == "empty-crop"
    with pytest.raises(InputError) as caught:
        engine.grade_crops([np.zeros((0, 10), np.uint8)], "dp3")
    assert caught.value.code == "empty-crop"


@pytest.mark.parametrize("method", ["grad-cam", "occlusion"])
def test_saliency_is_a_map_over_the_box(engine: InferenceService, method: str) -> None:
    film = frame(7)
    wide = Box(20, 100, 280, 230)
    values = engine.saliency(film, "radius", wide, 20.0, method=method)
    assert values.shape == (128, 256)
    assert values.dtype == np.float32
    assert 0 <= values.min() and values.max() <= 1 and values.max() > 0.3


def test_an_unknown_way_to_look_is_refused_and_the_engine_lives_on(engine: InferenceService) -> None:
    with pytest.raises(InputError, match="tarot"):
        engine.saliency(frame(7), "radius", BOX, 0.0, method="tarot")
    assert engine.state() == "ready: cpu"


def test_the_film_is_sent_once(engine: InferenceService, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    first = transport.FilmLoan.__init__

    def counting(self: transport.FilmLoan, key: int, *args: object, **kwargs: object) -> None:
        made.append(key)
        first(self, key, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(transport.FilmLoan, "__init__", counting)
    film = frame(8)
    for _ in range(3):
        engine.regrade(film, "radius", BOX, 0.0)
    assert len(made) == 1
    engine.regrade(frame(9), "radius", BOX, 0.0)
    assert len(made) == 2


def test_a_film_too_large_for_shared_memory_still_arrives(
    engine: InferenceService, monkeypatch: pytest.MonkeyPatch
) -> None:
    film, twin = frame(10), frame(10)
    expected = engine.regrade(film, "ulna", BOX, 0.0)
    monkeypatch.setattr(transport, "_room", lambda size: False)
    assert engine.regrade(twin, "ulna", BOX, 0.0) == expected


def test_calls_from_many_threads_wait_their_turn(engine: InferenceService) -> None:
    films = [frame(20 + k) for k in range(4)]
    expected = [engine.regrade(film, "mc3", BOX, 0.0) for film in films]
    results: dict[int, object] = {}

    def ask(k: int) -> None:
        results[k] = engine.regrade(films[k], "mc3", BOX, 0.0)

    threads = [threading.Thread(target=ask, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [results[k] for k in range(4)] == expected


def test_the_log_holds_what_the_child_prints(engine: InferenceService, scratch: Path) -> None:
    child_pid(engine)
    assert "ready: cpu, torch" in (scratch / LOG_NAME).read_text(encoding="utf-8")


# ---------------------------------------------------------------------- cancel, crash, hang
def test_cancelled_before_it_starts(engine: InferenceService) -> None:
    pid = child_pid(engine)
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        engine.analyse(frame(), cancel=token)
    assert child_pid(engine) == pid


def test_cancel_of_a_quick_request_keeps_the_process(engine: InferenceService) -> None:
    pid = child_pid(engine)
    token = CancelToken()
    with pytest.raises(Cancelled):
        engine.analyse(frame(30), progress=lambda share, step: token.cancel(), cancel=token)
    assert engine.regrade(frame(31), "radius", BOX, 0.0).bone == "radius"
    assert child_pid(engine) == pid


def test_an_error_of_the_progress_callback_is_the_callers(engine: InferenceService) -> None:
    def broken(share: float, step: str) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        engine.analyse(frame(32), progress=broken)
    assert engine.regrade(frame(31), "radius", BOX, 0.0).bone == "radius"


@posix
@pytest.mark.slow
def test_cancel_ends_a_child_that_does_not_answer(engine: InferenceService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "cancel_grace_s", 0.2)
    pid = child_pid(engine)
    token = CancelToken()
    threading.Timer(0.3, token.cancel).start()
    with frozen(pid):
        began = time.monotonic()
        with pytest.raises(Cancelled):
            engine.analyse(frame(33), cancel=token)
        assert time.monotonic() - began < 1.0
        until(lambda: gone(pid), 10)
    assert engine.state() in ("starting", "ready: cpu")
    assert engine.regrade(frame(31), "radius", BOX, 0.0).bone == "radius"
    assert child_pid(engine) != pid


@posix
def test_killed_in_the_middle_is_a_clear_error_and_the_next_request_works(engine: InferenceService) -> None:
    pid = child_pid(engine)
    with pytest.raises(EngineError) as caught:
        engine.analyse(frame(34), progress=lambda share, step: os.kill(pid, signal.SIGKILL))
    assert caught.value.code == "engine-crashed"
    assert "memory" in caught.value.message
    assert "Nothing of the reading is lost" in caught.value.remedy
    assert engine.analyse(frame(34)).flags
    assert child_pid(engine) != pid


@posix
@pytest.mark.slow
def test_killed_while_idle_costs_the_next_request_nothing_but_time(engine: InferenceService) -> None:
    pid = child_pid(engine)
    os.kill(pid, signal.SIGKILL)
    assert engine.regrade(frame(31), "radius", BOX, 0.0).bone == "radius"
    assert child_pid(engine) != pid


@posix
@pytest.mark.slow
def test_a_silent_child_is_replaced(engine: InferenceService, monkeypatch: pytest.MonkeyPatch) -> None:
    pid = child_pid(engine)
    monkeypatch.setattr(engine, "request_timeout_s", 0.5)
    with frozen(pid), pytest.raises(EngineError) as caught:
        engine.analyse(frame(35))
    assert caught.value.code == "engine-hung"
    monkeypatch.undo()
    assert engine.regrade(frame(31), "radius", BOX, 0.0).bone == "radius"


@posix
@pytest.mark.slow
def test_no_shared_memory_is_left(engine: InferenceService) -> None:
    names: list[str] = []
    first = transport.FilmLoan.__init__

    def noting(self: transport.FilmLoan, *args: object, **kwargs: object) -> None:
        first(self, *args, **kwargs)  # type: ignore[arg-type]
        names.append(self.ref.name)

    transport.FilmLoan.__init__ = noting  # type: ignore[method-assign,assignment]
    try:
        engine.analyse(frame(36))
        pid = child_pid(engine)
        with pytest.raises(EngineError):
            engine.analyse(frame(37), progress=lambda share, step: os.kill(pid, signal.SIGKILL))
    finally:
        transport.FilmLoan.__init__ = first  # type: ignore[method-assign]
    assert len(names) == 2
    for name in names:
        with pytest.raises(FileNotFoundError):
            SharedMemory(name)


# ------------------------------------------------------------------------------ weights, life
def test_missing_weights_are_told_and_found_after_a_new_start(models_dir: Path, tmp_path: Path) -> None:
    import shutil

    broken = tmp_path / "models"
    shutil.copytree(models_dir, broken)
    hidden = broken / "efficientnet_b3.random" / "weights.safetensors"
    hidden.rename(tmp_path / "away")
    service = InferenceService(broken, scratch=tmp_path / "scratch", threads=1, backend="torch")
    service.start()
    try:
        with pytest.raises(EngineError) as caught:
            service.analyse(frame())
        assert caught.value.code == "weights-missing"
        assert caught.value.remedy
        assert service.state().startswith("failed: ")
        assert "efficientnet_b3.random" in service.state()
    finally:
        service.stop()
    assert service.state() == "stopped"


def test_altered_weights_are_refused(models_dir: Path, tmp_path: Path) -> None:
    import shutil

    broken = tmp_path / "models"
    shutil.copytree(models_dir, broken)
    weights = broken / "yolov8n.random" / "weights.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    service = InferenceService(broken, scratch=tmp_path / "scratch", threads=1)
    try:
        with pytest.raises(EngineError) as caught:
            service.analyse(frame())
        assert caught.value.code == "weights-hash"
    finally:
        service.stop()


def test_weights_of_another_architecture_are_told_and_are_no_bug(models_dir: Path, tmp_path: Path) -> None:
    """A model folder that is whole in itself: the card's hash is that of the weights."""
    import shutil

    from boneage_desk.engines.cards import file_sha256

    wrong = tmp_path / "models"
    shutil.copytree(models_dir, wrong)
    grader = wrong / "efficientnet_b3.random"
    old = file_sha256(grader / "weights.safetensors")
    shutil.copyfile(wrong / "yolov8n.random" / "weights.safetensors", grader / "weights.safetensors")
    card = (grader / "card.toml").read_text(encoding="utf-8")
    (grader / "card.toml").write_text(card.replace(old, file_sha256(grader / "weights.safetensors")), encoding="utf-8")
    service = InferenceService(wrong, scratch=tmp_path / "scratch", threads=1)
    try:
        with pytest.raises(EngineError, match="weights of a Grader") as caught:
            service.analyse(frame())
        assert caught.value.code == "weights-architecture"
    finally:
        service.stop()


def test_no_models_at_all(tmp_path: Path) -> None:
    service = InferenceService(tmp_path / "none", scratch=tmp_path / "scratch")
    assert service.models() == ()
    try:
        with pytest.raises(EngineError) as caught:
            service.grade_crops([np.eye(9, dtype=np.uint8)], "radius")
        assert caught.value.code == "weights-missing"
    finally:
        service.stop()


def test_a_start_that_takes_too_long(models_dir: Path, tmp_path: Path) -> None:
    service = InferenceService(models_dir, scratch=tmp_path, start_timeout_s=0.1)
    try:
        with pytest.raises(EngineError) as caught:
            service.analyse(frame())
        assert caught.value.code == "engine-start-timeout"
        assert service.keeper.failures == 2  # tried again once, then no more
        with pytest.raises(EngineError):
            service.analyse(frame())
        assert service.keeper.failures == 2
    finally:
        service.stop()


def test_stop_ends_a_waiting_call(models_dir: Path, tmp_path: Path) -> None:
    service = InferenceService(models_dir, scratch=tmp_path, threads=1)
    service.start()
    threading.Timer(0.3, service.stop).start()
    with pytest.raises(EngineError) as caught:
        service.analyse(frame())
    assert caught.value.code == "engine-stopped"
    service.stop()
    assert service.state() == "stopped"


def test_cancel_while_the_process_starts(models_dir: Path, tmp_path: Path) -> None:
    service = InferenceService(models_dir, scratch=tmp_path, threads=1)
    token = CancelToken()
    threading.Timer(0.2, token.cancel).start()
    try:
        with pytest.raises(Cancelled):
            service.analyse(frame(), cancel=token)
        assert service.state() in ("starting", "ready: cpu")
    finally:
        service.stop()


def test_several_threads_may_end_one_process(models_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    service = InferenceService(models_dir, scratch=tmp_path, threads=1)
    child = Child(service.keeper.config)
    close = type(child.conn).close

    def slow_close(conn: object) -> None:  # widens the gap between the system's close and the handle's reset
        handle = conn._handle  # type: ignore[attr-defined]
        time.sleep(0.05)
        if handle is not None:
            close(conn)  # type: ignore[arg-type]

    monkeypatch.setattr(type(child.conn), "close", slow_close)
    failures: list[BaseException] = []

    def end() -> None:
        try:
            child.end()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=end) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failures
    assert child.process.exitcode is not None


_PARENT = """
import sys, time
from pathlib import Path
import numpy as np
from boneage_desk.engines.service import InferenceService
from boneage_desk.reading.film import Frame, Voi

def main():
    service = InferenceService(Path(sys.argv[1]), scratch=Path(sys.argv[2]), threads=1, backend="torch")
    pixels = np.random.default_rng(0).integers(0, 4000, (300, 200)).astype(np.uint16)
    frame = Frame(pixels, 4095, (Voi("as is"),))
    service.analyse(frame)
    heavy = {"torch", "torchvision", "ultralytics", "timm", "captum", "openvino", "onnxruntime"} & set(sys.modules)
    print(service.keeper._child.process.pid, sorted(heavy), flush=True)
    if sys.argv[3] == "wait":
        time.sleep(60)
    if sys.argv[3] == "stop":
        service.stop()

if __name__ == "__main__":
    main()
"""


@posix
@pytest.mark.slow
@pytest.mark.parametrize("ending", ["wait", "stop", "leave"])
def test_the_parent_stays_light_and_its_end_ends_the_child(
    models_dir: Path, tmp_path: Path, repository: Path, ending: str
) -> None:
    program = tmp_path / "parent.py"
    program.write_text(_PARENT, encoding="utf-8")
    parent = subprocess.Popen(
        [sys.executable, str(program), str(models_dir), str(tmp_path / "scratch"), ending],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(repository)},
    )
    assert parent.stdout is not None and parent.stderr is not None
    line = parent.stdout.readline()
    if ending == "wait":
        parent.kill()
    out, err = parent.communicate(timeout=60)
    pid, _, heavy = line.partition(" ")
    assert heavy.strip() == "[]"
    until(lambda: gone(int(pid)), 10)
    assert out == ""
    assert err == "", "neither the child's messages nor a leaked memory block may reach the terminal"
    assert ending == "wait" or parent.returncode == 0


def test_no_child_of_these_tests_is_left(engine: InferenceService) -> None:
    pid = child_pid(engine)
    until(lambda: [p.pid for p in multiprocessing.active_children()] in ([pid], []), 10)
