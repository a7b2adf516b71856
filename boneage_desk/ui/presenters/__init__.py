"""What the views show, computed from values; Qt-light and tested without widgets."""
