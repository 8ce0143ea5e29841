"""A column of a contract, and the rule by which what a flow returns becomes its type."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from lakehouse.declare import lineage_columns
from lakehouse.declare.column_types import declare_instead, nullable_inside, unsupported_field, unsupported_part
from lakehouse.declare.names import name_problem
from lakehouse.errors import ContractError


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a contract.

    One rule converts what a flow returns to the declared type, whether an operator, a frame or SQL returned it, on
    either engine, for columns as for the fields of structs, the elements of lists, the keys and values of maps:

    - Fields match by name, in any order. A missing or extra nested field is refused, and so is a column,
      except that a nullable column can be left out.
    - Lossless conversions are done: integers to wider ones, ``float32`` to ``float64``, large and view variants of
      texts, bytes and lists, dictionaries to their values, dates to midnight, a time without a zone to UTC, nulls.
    - Lossy conversions are done where no value changes: integers to narrower ones, integers and decimals to
      decimals and floats, decimals to integers, nanoseconds to microseconds, lists to those of a fixed size.
    - All else is refused, whatever the values: ``float64`` to ``float32``, floats to integers or decimals, times to
      dates, a time with a zone to one without, anything to or from booleans and texts.
    - A null in a nested field that is declared ``pa.field(.., nullable=False)`` is quarantined, as one in a column.

    A refusal names the flow and the field: ``place.lat``, ``rows[].x``, ``tags{value}.y``. Cast in the flow where loss
    is intended. `lakehouse.engine.conform_types` has the rule in full.

    Args:
        name: Letters of any script, digits and underscores; see `lakehouse.declare.names`.
        type: Its Arrow type. Use ``pa.string()`` and ``pa.binary()``, not the large or view variants.
        doc: One sentence, for documentation and Croissant metadata.
        unit: Unit of the values ("s", "px", "tokens"), empty where there is none.
        nullable: Whether a row may lack it. A null in a column that may not lack it is quarantined.
        volatile: Left out of the content digest and of row comparison (run ids, times).
        payload: Bytes, texts, addresses or token ids: its values are never stated in a log.
        lineage: True for mixlake's own ``sample_id``, ``parent_ids``, ``run_id``, ``source``, ``license``, ``uri``,
            ``content_id`` and ``keeper_id``, by which rows are traced and retracted; the engine fills ``run_id``.
            False for your own column with such a name and type: its values are stored, and have no meaning for
            mixlake. One of these names with another type is your own column.
        renamed_from: The name that it had before, or several. A stored table with column mapping gets the new name in
            a commit that writes no row; of any other the error says what writing its rows anew costs.

    Raises:
        ContractError: If some reader does not support its name or type, or it is declared as mixlake's and is not.
    """

    name: str
    type: pa.DataType
    doc: str
    unit: str = ""
    nullable: bool = True
    volatile: bool = False
    payload: bool = False
    lineage: bool | None = None
    renamed_from: str | Sequence[str] = ()

    def __post_init__(self) -> None:
        """Refuse a name or a type that some reader does not support."""
        if (fix := name_problem(self.name)) is not None:
            raise ContractError(f"column name {self.name!r} is not allowed", fix)
        former = (self.renamed_from,) if isinstance(self.renamed_from, str) else tuple(self.renamed_from)
        object.__setattr__(self, "renamed_from", tuple(filter(None, former)))
        if wrong := [name for name in self.former_names if not isinstance(name, str) or name_problem(name) is not None]:
            raise ContractError(
                f"column {self.name!r}: renamed_from is {wrong[0]!r}, which is no column's name", "give its former name"
            )
        if self.name in self.former_names:
            raise ContractError(f"column {self.name!r} is renamed from itself", "leave renamed_from out")
        if not isinstance(self.type, pa.DataType):
            raise ContractError(f"column {self.name!r} has the type {self.type!r}", "give an Arrow type: pa.string()")
        unsupported = unsupported_part(self.type)
        if unsupported is not None:
            raise ContractError(
                f"column {self.name!r} has the type {unsupported}, which Delta tables do not support",
                declare_instead(unsupported),
            )
        if field := unsupported_field(self.type):
            raise ContractError(
                f"column {self.name!r} has {field}, which Delta tables do not support",
                "give each field of a struct a name of its own, of letters, digits and _",
            )
        if self.lineage and not lineage_columns.fits(self.name, self.type):
            own = ", ".join(f"{name}: {kind}" for name, kind in lineage_columns.TYPES.items())
            raise ContractError(
                f"column {self.name!r} of {self.type} is declared with lineage=True, and is none of mixlake's",
                f"leave lineage out; mixlake's are {own}",
            )
        if self.lineage and self.name == lineage_columns.RUN_ID and not self.volatile:
            raise ContractError(
                "mixlake's 'run_id' differs in each run, so that all rows would", "declare it with volatile=True"
            )

    @property
    def former_names(self) -> tuple[str, ...]:
        """The names that it had before."""
        return tuple(self.renamed_from)

    @property
    def stored_type(self) -> pa.DataType:
        """Its type as rows are passed on and stored: each nested field may be null, whatever the contract says."""
        return nullable_inside(self.type)
