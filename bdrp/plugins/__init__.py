"""Plug-ins of a kind: the files of a room, what installed packages offer as entry points, and files given by a path.

A plug-in is a module that holds what its kind asks for, such as a method's `METHOD`. Listing imports none of them: each
is imported, and looked at, when it is first asked for. One that cannot be used is refused by its name and by where it
comes from; it takes nothing from the others.
"""

from bdrp.plugins.kind import Kind, is_path
from bdrp.plugins.origin import Origin, PlugIn
from bdrp.plugins.recorded import load_recorded, record_of

__all__ = ["Kind", "Origin", "PlugIn", "is_path", "load_recorded", "record_of"]
