"""Find and replace values inside of nested ones, over whole Arrow arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from lakehouse.engine.conform_arrays import lists
from lakehouse.engine.rules import Into

type Mask = npt.NDArray[np.bool_]


def found_at(values: pa.Array, steps: Sequence[Into], test: Callable[[pa.Array], Mask]) -> Mask:
    """Return which values have a part, where some steps lead, that a test finds; nothing is inside of a null.

    Args:
        values: The values.
        steps: The steps, none for the values themselves.
        test: Returns which of the parts it finds.

    Returns:
        bool [values].
    """
    if not steps:
        return test(values)
    (part, name), rest = steps[0], steps[1:]
    if part == "field":
        valid: Mask = values.is_valid().to_numpy(zero_copy_only=False)
        return found_at(values.flatten()[values.type.get_field_index(name)], rest, test) & valid
    offsets, elements = lists(values)
    chosen = elements if part == "element" else elements.field(part)
    counted = np.concatenate([[0], np.cumsum(found_at(chosen, rest, test))])
    found: Mask = counted[offsets[1:]] > counted[offsets[:-1]]
    return found


def with_leaves(values: pa.Array, replaced: Callable[[pa.Array], pa.Array]) -> pa.Array:
    """Return values of the same type whose parts that are not nested are replaced.

    Args:
        values: The values.
        replaced: Returns for such parts others, as many and of the same type.
    """
    kind = values.type
    if pa.types.is_struct(kind):
        parts = [with_leaves(field, replaced) for field in values.flatten()]
        return pa.StructArray.from_arrays(parts, fields=list(kind), mask=values.is_null())
    if pa.types.is_map(kind):
        entries = [with_leaves(part, replaced) for part in (values.keys, values.items)]
        inner = pa.StructArray.from_arrays(entries, fields=[kind.key_field, kind.item_field])
    elif pa.types.is_nested(kind):
        inner = with_leaves(values.values, replaced)
    else:
        return replaced(values)
    # Beside its elements, a list has a bitmap of nulls, and offsets where its length is not fixed.
    own = values.buffers()[: 1 if pa.types.is_fixed_size_list(kind) else 2]
    return pa.Array.from_buffers(kind, len(values), own, offset=values.offset, children=[inner])
