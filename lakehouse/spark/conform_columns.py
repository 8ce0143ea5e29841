"""Give Spark's columns the types of a contract, as `lakehouse.engine.conform_types` decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from lakehouse.engine.conform_types import FLOAT_INTEGERS, NOTHING, Step, unknown, written
from lakehouse.errors import FlowError

if TYPE_CHECKING:
    from pyspark.sql import Column
    from pyspark.sql.types import DataType

# Placeholder for a value in the text of an error that is raised for it.
_VALUE = "\u0001"


def arrow_type(kind: DataType) -> pa.DataType:  # noqa: PLR0911 - one a kind of type
    """Return the Arrow type of a Spark type, a placeholder where there is none."""
    from pyspark.errors import PySparkException
    from pyspark.sql import types as T
    from pyspark.sql.pandas.types import to_arrow_type

    if isinstance(kind, T.UserDefinedType):
        return arrow_type(kind.sqlType())
    if isinstance(kind, T.StructType):
        return pa.struct([pa.field(field.name, arrow_type(field.dataType)) for field in kind.fields])
    if isinstance(kind, T.ArrayType):
        return pa.list_(arrow_type(kind.elementType))
    if isinstance(kind, T.MapType):
        key = NOTHING if isinstance(kind.keyType, T.NullType) else arrow_type(kind.keyType)
        return pa.map_(key, arrow_type(kind.valueType))
    if isinstance(kind, T.StringType | T.CharType | T.VarcharType):
        # Of another collation or of a length it is no plain string, and becomes one by a cast.
        return pa.string() if kind == T.StringType() else pa.large_string()
    try:
        found = to_arrow_type(kind, timezone="UTC")
    except PySparkException:
        return unknown(kind.simpleString())
    # Such as a variant, which is not the struct that represents it in Arrow.
    return unknown(kind.simpleString()) if pa.types.is_nested(found) else found


@dataclass(frozen=True)
class Conformer:
    """Makes the columns of one flow.

    Args:
        flow: Id of the flow, for errors.
        place: Where it is declared, for errors.
    """

    flow: str
    place: str

    def column(self, column: Column, step: Step) -> Column:
        """Return a column in the type that a step leads to; a value that does not fit fails the job."""
        from pyspark.sql import functions as F

        if step.how == "same":
            return column
        if step.is_cast:
            return column.cast(_spark_type(step.wanted))
        if step.how == "map":
            return self._map(column, step)
        if step.how == "struct":
            fields = [
                self.column(column[name], part).alias(name)
                for name, part in zip((field.name for field in step.wanted), step.parts, strict=True)
            ]
            return F.when(column.isNotNull(), F.struct(*fields))
        if step.how == "list":
            return self._list(column, step)
        return self._fitting(column, step)

    def _map(self, column: Column, step: Step) -> Column:
        from pyspark.sql import functions as F

        key, value = step.parts
        if pa.types.is_null(key.found):  # no map has a null key, so that all are empty
            empty = [F.array().cast(_spark_type(pa.list_(part.wanted))) for part in step.parts]
            return F.when(column.isNotNull(), F.map_from_arrays(*empty))
        if value.how != "same":
            column = F.transform_values(column, lambda _, item: self.column(item, value))
        if key.how != "same":
            column = F.transform_keys(column, lambda item, _: self.column(item, key))
        return column

    def _list(self, column: Column, step: Step) -> Column:
        from pyspark.sql import functions as F

        (element,) = step.parts
        made = column
        if element.is_cast:
            made = made.cast(_spark_type(pa.list_(element.wanted)))
        else:
            made = F.transform(made, lambda item: self.column(item, element))
        if not step.needs_length:
            return made
        size = step.wanted.list_size
        fits = column.isNull() | (F.size(column) == size)
        what = f"returned in {step.path!r} a list of {_VALUE} elements, not {size}"
        return F.when(fits, made).otherwise(self._raise(what, F.size(column)))

    def _fitting(self, column: Column, step: Step) -> Column:
        """Return a column cast to another type, whose values are refused where they would change."""
        from pyspark.sql import functions as F

        found, wanted = step.found, step.wanted
        made = column.try_cast(_spark_type(wanted))
        fits = made.isNotNull()
        if pa.types.is_date(found):
            pass
        elif pa.types.is_floating(wanted) and pa.types.is_integer(found):
            most = FLOAT_INTEGERS[wanted.bit_width]
            fits = column.between(-most, most)
        elif pa.types.is_floating(wanted):
            fits = made.cast("string").try_cast(_spark_type(found)).eqNullSafe(column)
        elif pa.types.is_decimal(found):
            fits = made.try_cast(_spark_type(found)).eqNullSafe(column)
        what = f"returned {step.path!r} as {written(found)}, not {written(wanted)}: {_VALUE} does not fit"
        return F.when(column.isNull() | fits, made).otherwise(self._raise(what, column))

    def _raise(self, what: str, value: Column) -> Column:
        from pyspark.sql import functions as F

        error = FlowError(f"{self.flow} {what} ({self.place})", "return the types of the contract")
        before, _, after = error.to_text().partition("\\u0001")
        return F.raise_error(F.concat(F.lit(before), value.cast("string"), F.lit(after)))


def _spark_type(kind: pa.DataType) -> DataType:
    from pyspark.sql.pandas.types import from_arrow_type

    return from_arrow_type(kind)
