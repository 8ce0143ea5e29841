from __future__ import annotations

import pytest

from jobs.export.hub_licences import hub_licences


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("MIT", ["mit"]),
        ("(MIT OR Apache-2.0) AND BSD-3-Clause", ["apache-2.0", "bsd-3-clause", "mit"]),
        ("GPL-2.0-only WITH Classpath-exception-2.0", ["gpl-2.0"]),
        ("LGPL-2.1-or-later AND GFDL-1.3-no-invariants-or-later", ["gfdl", "lgpl-2.1"]),
        ("CC-BY-SA-4.0", ["cc-by-sa-4.0"]),
        ("ODbL-1.0 OR PDDL-1.0", ["odbl", "pddl"]),
        ("NOASSERTION", ["unknown"]),
        ("LicenseRef-acme OR Zlib", ["other", "zlib"]),
        ("", []),
    ],
)
def test_spdx_expressions_name_the_hub_s_licences(expression, expected):
    assert hub_licences([expression]) == expected
