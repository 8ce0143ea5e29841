from __future__ import annotations

import pytest

from jobs.mix.license_class import FREE, RESTRICTED, STRONG, UNKNOWN, WEAK, license_class


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("MIT", FREE),
        ("CC-BY-4.0", FREE),
        ("LicenseRef-public-domain", FREE),
        ("MPL-2.0", WEAK),
        ("LGPL-2.1-or-later", WEAK),
        ("CC-BY-SA-4.0", WEAK),
        ("GPL-2.0-only", STRONG),
        ("AGPL-3.0-or-later", STRONG),
        ("GPL-2.0-only WITH Classpath-exception-2.0", WEAK),
        ("CC-BY-NC-4.0", RESTRICTED),
        ("CC-BY-NC-SA-4.0", RESTRICTED),
        ("LicenseRef-mine", RESTRICTED),
        ("NOASSERTION", UNKNOWN),
        ("", UNKNOWN),
        ("MIT OR GPL-3.0-only", FREE),
        ("MIT AND GPL-3.0-only", STRONG),
        ("MIT OR Apache-2.0 AND GPL-3.0-only", FREE),
        ("(MIT OR Apache-2.0) AND GPL-3.0-only", STRONG),
        ("MIT AND (LGPL-2.1-only OR GPL-2.0-only)", WEAK),
        ("MIT AND NOASSERTION", UNKNOWN),
        ("MIT AND", UNKNOWN),
        ("(MIT", UNKNOWN),
        ("MIT )", UNKNOWN),
        ("MIT GPL-2.0-only", UNKNOWN),
        ("=odd", UNKNOWN),
        ("My own licence", UNKNOWN),
        ("MyLicence", UNKNOWN),
    ],
)
def test_an_and_binds_by_its_strictest_and_an_or_frees_by_its_freest(expression, wanted):
    assert license_class(expression) == wanted
