"""The window. Qt, pyqtgraph and numpy only; adapters come as protocols from ``reading.ports``.

Start-up order (kept by app.py, asserted by tests/gui/test_start.py): QtWidgets and the core ->
empty window shown and painted -> pyqtgraph and the film view -> work list -> engine process.
"""
