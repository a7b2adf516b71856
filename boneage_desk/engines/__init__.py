"""The models and the process they run in."""
