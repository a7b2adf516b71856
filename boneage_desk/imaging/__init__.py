"""Films: files to frames, grey scale, geometry, crops.

``reader.FilmFiles`` opens and finds films; ``voi`` turns values into grey. Importing this package
imports nothing else.
"""
