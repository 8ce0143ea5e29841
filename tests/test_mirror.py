"""Every module has a test file of its name, or stands here with the reason."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = ("lakehouse", "schemas", "jobs", "trainer")

# Contracts, constants, fields and protocols: nothing runs in them that a test of their own could check.
DECLARATIONS = {
    "jobs/acquire/connectors/base.py",
    "lakehouse/declare/relations.py",
    "lakehouse/errors.py",
    "lakehouse/export/format.py",
    "lakehouse/export/request.py",
    "lakehouse/ledger/tables.py",
    "schemas/documents.py",
    "schemas/images.py",
    "schemas/lineage.py",
    "schemas/mixture.py",
    "schemas/sources.py",
    "schemas/utterances.py",
    "trainer/callbacks/callback.py",
    "trainer/callbacks/step_result.py",
    "trainer/callbacks/summary.py",
    "trainer/errors.py",
    "trainer/loader/decode/media_range.py",
    "trainer/loader/labels.py",
    "trainer/recipe/recipe.py",
}

# A part of one thing: the test file of the module that uses it checks both.
TESTED_WITH = {
    "jobs/acquire/extract/document_text.py": "tests/jobs/acquire/test_documents.py",
    "jobs/acquire/extract/extracted.py": "tests/jobs/acquire/extract/test_pdf.py",
    "jobs/acquire/extract/mdoc.py": "tests/jobs/acquire/extract/test_manual_page.py",
    "jobs/acquire/extract/roff_escapes.py": "tests/jobs/acquire/extract/test_manual_page.py",
    "jobs/acquire/record_files.py": "tests/jobs/acquire/test_record_landing.py",
    "jobs/acquire/record_ids.py": "tests/jobs/acquire/test_record_landing.py",
    "jobs/acquire/record_samples.py": "tests/jobs/acquire/test_record_landing.py",
    "jobs/acquire/records/columnar.py": "tests/jobs/acquire/records/test_read.py",
    "jobs/acquire/records/declaration.py": "tests/jobs/acquire/test_accepted_formats.py",
    "jobs/acquire/records/json_lines.py": "tests/jobs/acquire/records/test_read.py",
    "jobs/acquire/records/record.py": "tests/jobs/acquire/records/test_read.py",
    "jobs/acquire/records/required_fields.py": "tests/jobs/acquire/records/test_delimited.py",
    "jobs/acquire/records/rows.py": "tests/jobs/acquire/test_record_landing.py",
    "jobs/acquire/records/undeclared.py": "tests/jobs/acquire/test_record_landing.py",
    "jobs/acquire/original_file.py": "tests/jobs/acquire/test_documents.py",
    "jobs/text/data_files.py": "tests/jobs/test_package_data.py",
    "jobs/acquire/reuse.py": "tests/jobs/acquire/test_file_licence.py",
    "jobs/acquire/pictures/gif.py": "tests/jobs/acquire/pictures/test_decode.py",
    "jobs/acquire/pictures/jpeg.py": "tests/jobs/acquire/pictures/test_decode.py",
    "jobs/acquire/pictures/png.py": "tests/jobs/acquire/pictures/test_decode.py",
    "jobs/acquire/pictures/tiff.py": "tests/jobs/acquire/pictures/test_decode.py",
    "jobs/acquire/recordings/chunked.py": "tests/jobs/acquire/recordings/test_decode.py",
    "jobs/acquire/recordings/extent.py": "tests/jobs/acquire/recordings/test_decode.py",
    "jobs/acquire/recordings/mpeg.py": "tests/jobs/acquire/recordings/test_decode.py",
    "jobs/acquire/recordings/riff.py": "tests/jobs/acquire/recordings/test_decode.py",
    "jobs/clean/markup/formulas.py": "tests/jobs/clean/test_html.py",
    "jobs/clean/markup/hidden.py": "tests/jobs/clean/test_html.py",
    "jobs/clean/markup/inline.py": "tests/jobs/clean/test_html.py",
    "jobs/clean/markup/lists.py": "tests/jobs/clean/test_html.py",
    "jobs/clean/markup/parse.py": "tests/jobs/clean/test_html.py",
    "jobs/clean/markup/roles.py": "tests/jobs/clean/test_html.py",
    "jobs/clean/markup/rows.py": "tests/jobs/clean/test_html.py",
    "jobs/clean/markup/state.py": "tests/jobs/clean/test_html.py",
    "jobs/clean/markup/structure.py": "tests/jobs/clean/test_html.py",
    "jobs/clean/markup/visible.py": "tests/jobs/clean/test_html.py",
    "jobs/clean/markup/walker.py": "tests/jobs/clean/test_html.py",
    "jobs/clean/markup/writer.py": "tests/jobs/clean/test_html.py",
    "jobs/dedup/exact.py": "tests/jobs/dedup/test_near.py",
    "jobs/dedup/keep_first_kernel.py": "tests/jobs/dedup/test_keep_first.py",
    "jobs/mix/decision.py": "tests/jobs/mix/test_flows.py",
    "jobs/mix/mixture.py": "tests/jobs/mix/test_flows.py",
    "jobs/mix/quotas.py": "tests/jobs/mix/test_flows.py",
    "jobs/mix/samples.py": "tests/jobs/mix/test_flows.py",
    "jobs/report/attrition.py": "tests/jobs/report/test_site.py",
    "jobs/report/catalogue.py": "tests/jobs/report/test_site.py",
    "jobs/report/flows.py": "tests/jobs/report/test_site.py",
    "jobs/report/lake_reader.py": "tests/jobs/report/test_site.py",
    "jobs/report/mixture.py": "tests/jobs/report/test_site.py",
    "jobs/report/page.py": "tests/jobs/report/test_site.py",
    "jobs/report/releases.py": "tests/jobs/report/test_site.py",
    "jobs/report/samples.py": "tests/jobs/report/test_site.py",
    "jobs/report/training.py": "tests/jobs/report/test_site.py",
    "jobs/score/language_models.py": "tests/jobs/score/test_language.py",
    "jobs/pack/segments.py": "tests/jobs/pack/test_assemble.py",
    "jobs/pack/sequences.py": "tests/jobs/pack/test_assemble.py",
    "jobs/tokenize/images.py": "tests/jobs/tokenize/test_media.py",
    "jobs/tokenize/rows.py": "tests/jobs/tokenize/test_documents.py",
    "jobs/tokenize/utterances.py": "tests/jobs/tokenize/test_media.py",
    "lakehouse/delta/table_errors.py": "tests/lakehouse/test_errors.py",
    "lakehouse/declare/flow.py": "tests/lakehouse/declare/test_registry.py",
    "lakehouse/declare/flow_values.py": "tests/lakehouse/declare/test_registry.py",
    "lakehouse/embedded/nested_values.py": "tests/lakehouse/embedded/test_unreadable.py",
    "lakehouse/embedded/relations.py": "tests/lakehouse/embedded/test_flow_function.py",
    "lakehouse/engine/input_types.py": "tests/lakehouse/test_fixed_lists.py",
    "lakehouse/spark/fixed_lists.py": "tests/lakehouse/test_fixed_lists.py",
    "lakehouse/spark/nested_values.py": "tests/lakehouse/test_stored_values.py",
    "lakehouse/spark/unreadable.py": "tests/lakehouse/test_stored_values.py",
    "lakehouse/spark/relations.py": "tests/lakehouse/embedded/test_flow_function.py",
    "lakehouse/determinism/computed_rows.py": "tests/lakehouse/determinism/test_check.py",
    "lakehouse/determinism/repeat_embedded.py": "tests/lakehouse/determinism/test_check.py",
    "lakehouse/determinism/repeat_on_spark.py": "tests/lakehouse/determinism/test_check.py",
    "lakehouse/run/openlineage/sql_generators.py": "tests/lakehouse/run/openlineage/test_sql_column_lineage.py",
    "lakehouse/run/openlineage/sql_scopes.py": "tests/lakehouse/run/openlineage/test_sql_column_lineage.py",
    "lakehouse/run/openlineage/sql_sources.py": "tests/lakehouse/run/openlineage/test_sql_column_lineage.py",
    "lakehouse/run/openlineage/sql_uses.py": "tests/lakehouse/run/openlineage/test_sql_column_lineage.py",
    "lakehouse/query/answer_format.py": "tests/lakehouse/query/test_connection.py",
    "lakehouse/lineage/index/spark_entries.py": "tests/lakehouse/lineage/index/test_sync.py",
    "lakehouse/lineage/outcomes.py": "tests/lakehouse/lineage/test_why.py",
    "lakehouse/lineage/walk.py": "tests/lakehouse/lineage/test_trace.py",
    "lakehouse/lineage/reader.py": "tests/lakehouse/lineage/test_trace.py",
    "lakehouse/lineage/scan_reader.py": "tests/lakehouse/lineage/test_trace.py",
    "lakehouse/retraction/report.py": "tests/lakehouse/retraction/test_retract.py",
    "lakehouse/spark/changed_rows.py": "tests/lakehouse/run/test_run.py",
    "lakehouse/spark/delta_reader.py": "tests/lakehouse/spark/test_flow_inputs.py",
    "lakehouse/spark/engine.py": "tests/lakehouse/execute/test_execute_flow.py",
    "lakehouse/spark/flow_function.py": "tests/lakehouse/execute/test_execute_flow.py",
    "lakehouse/spark/rows_to_write.py": "tests/lakehouse/spark/test_delta_writer.py",
    "lakehouse/release/create.py": "tests/lakehouse/ledger/test_releases.py",
    "trainer/loader/batch.py": "tests/trainer/loader/test_loader.py",
    "trainer/loader/data_files.py": "tests/trainer/loader/test_loader.py",
    "trainer/loader/pinned_release.py": "tests/trainer/loader/test_loader.py",
    "trainer/loader/position_index.py": "tests/trainer/loader/test_loader.py",
    "trainer/loop/optimizer.py": "tests/trainer/loop/test_optimizer_step.py",
    "trainer/loop/release_source.py": "tests/trainer/cli/test_train.py",
    "trainer/model/expert_load.py": "tests/trainer/loop/test_optimizer_step.py",
    "trainer/model/layer_spec.py": "tests/trainer/model/test_model.py",
    "trainer/model/projector.py": "tests/trainer/model/test_model.py",
    "trainer/model/transformer_config.py": "tests/trainer/model/test_model.py",
    "trainer/platform/megatron_fixes.py": "tests/trainer/test_layouts.py",
}


def _modules() -> set[str]:
    paths = (path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    return {str(path.relative_to(ROOT)) for path in paths if not path.name.startswith("__")}


def _test_of(module: str) -> Path:
    return ROOT / "tests" / Path(module).with_name(f"test_{Path(module).name}")


def test_every_module_has_a_test_file_of_its_name_or_a_reason():
    untested = {module for module in _modules() if not _test_of(module).is_file()}
    assert untested - DECLARATIONS - set(TESTED_WITH) == set()


def test_what_a_module_is_tested_with_exists():
    assert [test for test in TESTED_WITH.values() if not (ROOT / test).is_file()] == []
