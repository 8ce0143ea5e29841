from __future__ import annotations

import math
import random

import duckdb
import pyarrow as pa
import pytest

from lakehouse.declare.portable_expression import NotPortableError, to_duckdb
from lakehouse.embedded.conditions import Expressions, open_database

TYPES = {
    "b": pa.bool_(),
    "c": pa.bool_(),
    "tiny": pa.int8(),
    "small": pa.int16(),
    "i": pa.int32(),
    "n": pa.int64(),
    "f": pa.float32(),
    "d": pa.float64(),
    "t": pa.string(),
    "u": pa.string(),
    "raw": pa.binary(),
    "texts": pa.list_(pa.string()),
    "longs": pa.list_(pa.int64()),
    "Order": pa.int32(),
    "day": pa.date32(),
    "at": pa.timestamp("us", "UTC"),
    "price": pa.decimal128(20, 2),
    "map": pa.map_(pa.string(), pa.int32()),
    "pair": pa.list_(pa.int32(), 2),
    "inner": pa.struct([("x", pa.int32())]),
}
INF, NAN = math.inf, math.nan
# Each column's values; rows are made of them by chance, so that each meets several others.
VALUES = {
    "b": [True, False, None],
    "c": [False, True, True, None],
    "tiny": [0, 1, -1, 127, -128, None],
    "small": [0, 1, 32767, -32768, None],
    "i": [0, 1, -1, 2, 2**31 - 1, -(2**31), None],
    "n": [0, 1, -3, 2**53 + 1, 2**63 - 1, -(2**63), None],
    "f": [0.0, -0.0, 0.1, NAN, INF, -INF, 16777216.0, 3e38, None],
    "d": [0.0, -0.0, 0.1, 0.5, NAN, INF, -INF, 9007199254740992.0, 5e-324, 1.7e308, None],
    "t": ["", "a", "A", "ä", "a\u0308", "𝔸𝔹", "👩‍👩‍👧", "it's", "\n", "a ", "\uffff", "\u0000", "10", "9", None],
    "u": ["a", "b", "", "𝔸𝔹", "\uffff", None],
    "raw": [b"", b"a", b"\x00\xff", b"\xff", None],
    "texts": [[], ["a"], ["a", None, "𝔸"], [None], None],
    "longs": [[], [1], [1, 2, 3], [None, 2**63 - 1], None],
    "Order": [1, 2, None],
}
ROWS = 120


def rows():
    chance = random.Random(7)
    columns = {}
    for name, values in VALUES.items():
        columns[name] = values * (ROWS // len(values)) + values[: ROWS % len(values)]
        chance.shuffle(columns[name])
    return pa.RecordBatch.from_pydict(columns, schema=pa.schema([(name, TYPES[name]) for name in VALUES]))


ACCEPTED = [
    "b", "not b", "!b", "b and c", "b or c", "b is null", "b is not null", "b is true", "b is not false", "b = c",
    "b < c", "b <=> c", "b in (true, null)", "(i = 1) = b", "(i < 5) is true", "not i = 1", "not (b or c) and c",
    "null", "b and null", "null <=> i", "i = null", "i in (1, null)", "not i in (1, null)",
    "i = 1", "I <> 2", "i != 0", "i == 0", "i > tiny", "small <= n", "i <=> tiny", "i between -1 and 2",
    "i not between 0 and 1", "n in (0, 1, 9223372036854775807)", "i = -2147483648", "i > -2147483649",
    "n > 2147483648", "n = -9223372036854775808", "`Order` = 1", "ORDER = 2", "tiny * 4 > 100",
    "tiny + 1000 > small", "(tiny + 1) * 2 = 2", "i - (i + 0) = 0 and false or b", "-(tiny + 0) > 0 or tiny is null",
    "i + 0 - 0", "- (-1) + tiny", "coalesce(tiny, 300)", "coalesce(i, n)", "coalesce(tiny, small) = 0",
    "f = 0", "f = 0.0", "f > 0", "f < 0.1", "f = 0.1", "f >= f", "f = d", "f < d", "f <=> d", "f > i", "f > n",
    "f in (0, 0.1)", "f between 0 and 1e0", "d = 0", "d = -0.0", "d < 0", "d = d", "d > 1e308", "d <=> d", "d > n",
    "d = n", "n = 9007199254740992e0", "n > d", "d in (0.0, 0.5)", "d in (n, 1)", "d between 0 and 0.5", "d = 0.1",
    "d * 10", "d + 0.1", "d - i", "d * d", "-d", "- d < 0", "-f", "d + n", "coalesce(d, 0)", "coalesce(d, 0.1)",
    "coalesce(f, f)", "i > 0.5e0", "d > .5", "d > 5.", "d > -.5", "d = 1E-1", "d > 12345678901234.123456789",
    "length(t)", "char_length(t)", "len(t)", "octet_length(t)", "length(raw)", "octet_length(raw)", "length(t) > 1",
    "length(t) * 2 = octet_length(t)", "t = 'a'", 't = "a"', "t < u", "t >= u", "t <> ''", "t = 'ä'", "t = '𝔸𝔹'",
    't = "it\'s"', "t in ('a', 'A', '')", "t between 'A' and 'a'", "t <=> u", "t is null", "t = 'a '", "t > '10'",
    "t = '--'", "t = '/* no */'", "t = '\n'", "raw = raw", "raw < raw", "raw is null",
    "coalesce(t, u)", "coalesce(t, u, '') = ''", "nvl(t, '-')", "ifnull(t, 'x')", "coalesce(raw, raw)",
    "get(texts, 0)", "get(texts, 2)", "get(texts, -1)", "get(texts, i)", "get(texts, tiny)", "get(longs, 0) > 0",
    "coalesce(get(texts, 0), t)", "texts is null", "texts is not null", "get(longs, 1) + 0",
    "longs is null or length(t) < 0 or get(longs, 0) is null",
]  # fmt: skip

# Spark fails for some row, and so has DuckDB to.
FAILING = [
    "tiny * tiny", "tiny + tiny", "i + 1", "i * i", "n + 1", "n - 9223372036854775807", "-tiny", "-i", "-n",
    "2147483647 + i", "length(t) * 2147483647", "coalesce(tiny, tiny) * tiny", "-2147483648 - i",
    "longs[0]", "texts[i]", "longs[-1]", "element_at(longs, 1)", "element_at(texts, -1)", "element_at(longs, 0)",
    "octet_length(t) - 2147483647 - 2147483647",
]  # fmt: skip

REFUSED = [
    "", "i >", "missing", "t.a", "*", "i + 'a'", "t = 1", "t + 1", "t > b", "b = 1", "i and b", "not i", "b + 1", "-t", "-b",
    "i > 0.5", "n in (1, 0.5)", "0.1 + 0.2 > d", "f + 1 > 0", "f * f > 0", "f in (0,1,2,3,4,5,6,7,8,9,10)",
    "d in (0.0,1,2,3,4,5,6,7,8,9,10)", "coalesce(f, 0)", "coalesce(i, 0.5)", "coalesce(t, i)",
    "12345678901234567890 > n", "9223372036854775808 > n", "1.0000000000000000000000000000000001 < d",
    "i / 2 > 0", "i % 2 = 0", "i div 2 = 0", "i & 1 = 0", "i | 1 = 0", "i ^ 1 = 0", "~i = 0", "t || u = 'a'",
    "t like 'a'", "t rlike 'a'", "t ilike 'a'", "upper(t) = 'A'", "lower(t)", "trim(t)", "substr(t, 1, 1)", "abs(i)",
    "i in (select 1)", "exists (select 1)", "cast(i as string)", "i::string", "case when b then 1 end", "if(b, 1, 2)",
    "1L = n", "1S = n", "1D = d", "1BD = d", "X'61' = raw", "date '2020-01-01' = day", "interval 1 day",
    "'it''s' = t", "'a' 'b' = t", r"t = 'a\\b'", r"t = '\u0041'", r"t = 'a\'b'", r"t = r'\n'", "t = '${env:HOME}'",
    "i = 1 = b", "b = i < 1", "i < 1 < 2", "b = (i = 1) = c", "b = not c", "i is null in (true)",
    "day = day", "at = at", "price > 0", "price = price", "map = map", "inner = inner", "inner.x = 1", "texts = texts",
    "pair = pair", "get(pair, 0)", "pair[0]", "map['a']", "element_at(map, 'a')", "get(map, 0)", "longs[n]",
    "longs['a']", "longs[1.0]", "longs[0:1]", "get(longs, n)", "get(longs)", "octet_length(t, u)", "get(t, 0)",
    "length(i)", "length(texts)", "size(texts) > 0", "cardinality(texts)", "array_contains(texts, 'a')", "i is true",
    "raw = 'a'", "rand() > 0.5", "current_date()", ":p", "?", "@v", "i as x", "i; i", "t collate utf8_lcase = 'a'",
]  # fmt: skip


@pytest.fixture
def database(tmp_path):
    opened = open_database(str(tmp_path), "1GB")
    yield opened
    opened.close()


@pytest.mark.parametrize("sql", REFUSED)
def test_what_engines_may_read_otherwise_is_refused(sql):
    with pytest.raises(NotPortableError, match="Spark alone"):
        to_duckdb(sql, TYPES)


def test_an_error_says_which_part_and_what_to_do():
    with pytest.raises(NotPortableError) as error:
        to_duckdb("t LIKE 'a%'", TYPES)
    assert str(error.value) == (
        "\"t LIKE 'a%'\" can be evaluated by Spark alone, because of Like — run it with --engine spark"
    )


def same(one, other):
    if isinstance(one, float) and isinstance(other, float):
        return (math.isnan(one) and math.isnan(other)) or one == other
    return type(one) is type(other) and one == other


def test_duckdb_computes_what_spark_does(spark, database):
    batch = rows()
    frame = spark.createDataFrame(pa.Table.from_batches([batch]))
    expected = frame.selectExpr(*[f"{sql} AS c{number}" for number, sql in enumerate(ACCEPTED)]).toArrow()
    found = Expressions(database, ACCEPTED, TYPES).values(batch)
    assert expected.num_rows == batch.num_rows
    wrong = {}
    for number, sql in enumerate(ACCEPTED):
        pairs = zip(expected.column(number).to_pylist(), found[number].to_pylist(), strict=True)
        differ = [(row, *pair) for row, pair in enumerate(pairs) if not same(*pair)]
        if differ:
            wrong[sql] = differ[:3]
    assert wrong == {}


def test_duckdb_fails_where_spark_does(spark, database):
    batch = rows()
    frame = spark.createDataFrame(pa.Table.from_batches([batch]))
    for sql in FAILING:
        with pytest.raises(Exception, match=r"OVERFLOW|INVALID_ARRAY_INDEX|INVALID_INDEX_OF_ZERO"):
            frame.selectExpr(f"{sql} AS c").toArrow()
        with pytest.raises(duckdb.Error):
            Expressions(database, [sql], TYPES).values(batch)


# The last one ends Spark's JVM.
@pytest.mark.parametrize("sql", [*FAILING, "element_at(longs, -2147483648)"])
def test_values_that_have_no_result_are_an_error(database, sql):
    with pytest.raises(duckdb.Error):
        Expressions(database, [sql], TYPES).values(rows())
