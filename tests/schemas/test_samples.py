from __future__ import annotations

from lakehouse.declare.contract import require_columns
from schemas.samples import TOKEN_COLUMNS, document_tokens, image_tokens, token_table, utterance_tokens


def test_all_token_tables_join_the_union():
    for table in (document_tokens, utterance_tokens, image_tokens, token_table("acme.tokens", "Mine.")):
        assert table.tags == ("tokens",)
        assert table.key == ("sample_id",)
        require_columns(table, TOKEN_COLUMNS, "the tag 'tokens'")


def test_token_bytes_carry_no_statistics():
    listed = document_tokens.table_properties()["delta.dataSkippingStatsColumns"].split(",")
    assert listed == ["sample_id"]
