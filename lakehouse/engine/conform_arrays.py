"""Give Arrow arrays the types of a contract, as `lakehouse.engine.conform_types` decides."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.engine.conform_types import MisfitError, Step, is_list, repeated, step_of, written

type Offsets = npt.NDArray[np.int64]


def conform_column(name: str, column: Any, declared: pa.DataType) -> Any:
    """Return a column in the type that a contract declares, all of whose nested fields may be null.

    Args:
        name: The column's name.
        column: An array, or a chunked one.
        declared: The declared type.

    Raises:
        MisfitError: If its type does not fit, or one of its values.
    """
    step = step_of(name, column.type, declared)
    if column.type == step.wanted:
        return column
    if isinstance(column, pa.ChunkedArray):
        return pa.chunked_array([conform_array(chunk, step) for chunk in column.chunks], type=step.wanted)
    return conform_array(column, step)


def conform_rows(rows: pa.RecordBatch | pa.Table, schema: pa.Schema) -> list[Any]:
    """Return the columns of a schema in its order, each conformed; none may be missing or too many.

    Raises:
        MisfitError: If one is, or one does not fit.
    """
    names = rows.schema.names
    if extra := next((name for name in names if name not in schema.names), ""):
        raise MisfitError(f"returned a column {extra!r} that its schema does not have")
    if twice := repeated(names):
        raise MisfitError(f"returned the column {twice!r} twice")
    if missing := next((name for name in schema.names if name not in names), ""):
        raise MisfitError(f"left out the column {missing!r}")
    return [conform_column(field.name, rows.column(field.name), field.type) for field in schema]


def conform_array(array: pa.Array, step: Step) -> pa.Array:
    """Return an array in the type that a step leads to.

    Raises:
        MisfitError: If a value does not fit.
    """
    if array.type == step.wanted:
        return array
    try:
        return _converted(_plain(array), step)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError, OverflowError) as error:
        raise MisfitError(
            f"returned {step.path!r} as {written(array.type)}, not {written(step.wanted)}: {error}"
        ) from None


def lists(array: pa.Array) -> tuple[Offsets, pa.Array]:
    """Return where each list, or map, of an array begins and ends among the elements of all, and these elements.

    A null list has none. The elements of maps are structs of key and value.

    Args:
        array: Lists of any form, or maps.
    """
    if not pa.types.is_map(array.type):
        lengths = pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False)
        return _offsets(lengths), array.flatten()
    lengths = np.diff(array.offsets.to_numpy())
    if array.null_count and lengths[array.is_null().to_numpy(zero_copy_only=False)].any():
        # Entries that belong to null maps.
        return lists(array.take(pa.array(np.arange(len(array)))))
    first = array.offsets[0].as_py() if len(array) else 0
    size = int(lengths.sum())
    entries = [array.keys.slice(first, size), array.items.slice(first, size)]
    return _offsets(lengths), pa.StructArray.from_arrays(entries, ["key", "value"])


def _offsets(lengths: npt.NDArray[Any]) -> Offsets:
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])


def _plain(array: pa.Array) -> pa.Array:
    """Return the values that a dictionary, runs or an extension encode."""
    if pa.types.is_dictionary(array.type):
        return _plain(array.dictionary_decode())
    if pa.types.is_run_end_encoded(array.type):
        return _plain(pc.run_end_decode(array))
    if isinstance(array, pa.ExtensionArray):
        return _plain(array.storage)
    return array


def _converted(array: pa.Array, step: Step) -> pa.Array:
    wanted = step.wanted
    if array.type == wanted:
        return array
    if pa.types.is_null(array.type):
        return pa.nulls(len(array), wanted)
    if step.how == "struct":
        # The fields of a null struct are null.
        fields = dict(zip((field.name for field in array.type), array.flatten(), strict=True))
        parts = [conform_array(fields[field.name], part) for field, part in zip(wanted, step.parts, strict=True)]
        return pa.StructArray.from_arrays(parts, fields=list(wanted), mask=_mask(array))
    if step.how in {"list", "map"}:
        return _of_elements(array, step)
    return _leaf(array, step)


def _of_elements(array: pa.Array, step: Step) -> pa.Array:
    wanted, (offsets, elements) = step.wanted, lists(array)
    if step.how == "map":
        entries = [conform_array(values, part) for values, part in zip(elements.flatten(), step.parts, strict=True)]
        return pa.MapArray.from_arrays(pa.array(offsets, pa.int32()), *entries, type=wanted, mask=_mask(array))
    values = conform_array(elements, step.parts[0])
    if pa.types.is_fixed_size_list(wanted):
        return _fixed(array, step, offsets, values)
    kind = pa.list_(wanted.value_type)
    made = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values, type=kind, mask=_mask(array))
    return made if is_list(wanted) and made.type == wanted else made.cast(wanted)


def _fixed(array: pa.Array, step: Step, offsets: Offsets, values: pa.Array) -> pa.Array:
    size, valid = step.wanted.list_size, array.is_valid().to_numpy(zero_copy_only=False)
    lengths = np.diff(offsets)
    other = lengths[valid & (lengths != size)]
    if len(other):
        raise MisfitError(f"returned in {step.path!r} a list of {other[0]} elements, not {size}")
    if not array.null_count:
        return pa.FixedSizeListArray.from_arrays(values, type=step.wanted)
    # A null list has elements, too, which are null.
    starts = np.repeat(offsets[:-1], size).reshape(-1, size) + np.arange(size)
    places = pa.array(starts.ravel(), mask=np.repeat(~valid, size))
    return pa.FixedSizeListArray.from_arrays(values.take(places), type=step.wanted, mask=_mask(array))


def _mask(array: pa.Array) -> pa.Array | None:
    return array.is_null() if array.null_count else None


def _leaf(array: pa.Array, step: Step) -> pa.Array:
    """Cast values that are not nested; a value that would change is an error."""
    found, wanted = array.type, step.wanted
    if pa.types.is_decimal(found) and pa.types.is_floating(wanted):
        return _nearest(array, step)
    if pa.types.is_integer(found) and pa.types.is_decimal(wanted):
        # Arrow requires room for each integer of the type.
        scale = max(wanted.scale, 0)
        array = array.cast(pa.decimal256(20 + scale, scale))
    made = array.cast(wanted)
    if pa.types.is_date64(found) and not made.cast(found).equals(array):
        raise MisfitError(f"returned {step.path!r} as {found}, not {wanted}: a value has a time of day")
    return made


def _nearest(array: pa.Array, step: Step) -> pa.Array:
    """Return the float that is nearest to each decimal, by way of texts: Arrow's own cast is off by a digit."""
    made = array.cast(pa.string()).cast(step.wanted)
    if step.how == "fit":
        changed = pc.not_equal(made.cast(pa.string()).cast(array.type), array)
        if pc.any(changed).as_py():
            value = array.filter(changed)[0].as_py()
            raise MisfitError(f"returned in {step.path!r} {value}, of which {step.wanted} does not hold all digits")
    return made
