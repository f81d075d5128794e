"""Cell lines as tissues: nothing that the network reads, for tissues act through slopes of their own alone.

What a tissue has in common is linear in its indicator. A network would learn the few lines of each by heart.
"""

from __future__ import annotations

from bdrp.model.lines._linear import NoEncoder

ENCODER = NoEncoder
