"""Films: files to frames, grey scale, geometry, crops.

``reader.FilmFiles`` opens and finds films; ``render`` turns frames into pictures. Importing this package
imports nothing else.
"""
