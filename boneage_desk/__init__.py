"""BoneAge Desk: a reading desk for hand films (RUS-CHN and whole-hand bone age).

This module is imported before the window paints: keep it free of imports.
"""

__version__ = "0.1.0"
