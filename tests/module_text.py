"""Text of a module or file that tests edit."""

from __future__ import annotations


class ModuleText(str):
    """A text that refuses a replacement of what it does not contain, so that no test passes on an edit that was none.

    >>> ModuleText("a = 1").replace("1", "2")
    'a = 2'
    """

    __slots__ = ()

    def replace(self, old, new, count=-1):
        assert old in self, f"the text to be edited does not contain {old!r}"
        return ModuleText(super().replace(old, new, count))
