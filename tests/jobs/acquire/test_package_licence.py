from __future__ import annotations

from email.parser import HeaderParser

import pytest

from jobs.acquire.package_licence import npm_licence, pyproject_licence, wheel_licence

OSI = "Classifier: License :: OSI Approved ::"


@pytest.mark.parametrize(
    ("manifest", "license_"),
    [
        ({"license": "mit or gpl-2.0-only"}, "MIT OR GPL-2.0-only"),
        ({"license": {"type": "ISC", "url": "https://x"}}, "ISC"),
        ({"licenses": ["MIT", "GPL-2.0"]}, "MIT OR GPL-2.0-only"),
        ({"licenses": [{"type": "MIT"}, {"type": "Apache-2.0"}]}, "MIT OR Apache-2.0"),
        ({"licenses": {"type": "MIT"}}, "MIT"),
        ({"license": "Apache 2.0"}, "Apache-2.0"),
        ({"license": "SEE LICENSE IN LICENSE.md"}, ""),
        ({"license": "UNLICENSED"}, "LicenseRef-UNLICENSED"),
        ({"license": "Nonesuch"}, "LicenseRef-Nonesuch"),
        ({"licenses": ["MIT", "Nonesuch"]}, "MIT OR LicenseRef-Nonesuch"),
        ({"license": "BSD"}, ""),
        ({"license": 5}, ""),
        ({}, ""),
    ],
)
def test_a_package_json_states_it_in_any_form_that_npm_had(manifest, license_):
    found = npm_licence(manifest)
    assert found.license == license_
    assert bool(found.words) == bool(manifest)
    for word in ("GPL-2.0", "Apache-2.0"):
        assert (word in str(manifest)) <= (word in found.words.replace(" ", "-") or word in found.words)


@pytest.mark.parametrize(
    ("metadata", "declared", "beside"),
    [
        ("License-Expression: MIT OR Apache-2.0", "ISC", "MIT OR Apache-2.0"),
        ("License: GPL-3.0-only", "MIT", "GPL-3.0-only"),
        (f"{OSI} BSD License", "BSD-3-Clause", ""),
        (f"{OSI} BSD License", "MIT", "LicenseRef-some-BSD"),
        (f"{OSI} GNU General Public License v3 or later (GPLv3+)", "MIT", "GPL-3.0-or-later"),
        (f"{OSI} Apache Software License", "Apache-2.0", ""),
        (f"{OSI} MIT License\n{OSI} Apache Software License", "MIT OR Apache-2.0", ""),
        ("License: MIT\nClassifier: License :: OSI Approved :: MIT License", "ISC", "MIT"),
        (f"License: MIT\n{OSI} GNU General Public License v3 (GPLv3)", "MIT", "MIT AND LicenseRef-some-GPL-3.0"),
        ("License: Copyright (c) someone", "MIT", ""),
        ("License: UNKNOWN", "MIT", ""),
        ("Classifier: License :: OSI Approved", "MIT", ""),
    ],
)
def test_a_wheel_states_it_in_fields_and_classifiers(metadata, declared, beside):
    assert wheel_licence(HeaderParser().parsestr(metadata + "\n\n")).beside(declared) == beside


@pytest.mark.parametrize(
    ("said", "license_"),
    [
        ({"project": {"license": "Apache-2.0"}}, "Apache-2.0"),
        ({"project": {"license": {"text": "MIT License"}}}, "MIT"),
        ({"project": {"license": {"file": "x"}, "classifiers": ["License :: OSI Approved :: MIT License"]}}, "MIT"),
        ({"tool": {"poetry": {"license": "BSD-3-Clause"}}}, "BSD-3-Clause"),
        ({"project": "odd", "tool": []}, ""),
    ],
)
def test_a_pyproject_states_it_in_its_table(said, license_):
    assert pyproject_licence(said).license == license_
