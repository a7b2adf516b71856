"""The case being read: film, findings of machine and person, commands, report content, ports.

Pure: standard library only (numpy for type checking), no Qt, torch, pydicom, disk or clock.
"""
