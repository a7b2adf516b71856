"""Widgets. They hold no state of the case: they show what a presenter computed."""
