from __future__ import annotations

import pytest

from jobs.acquire.connectors.licences import debian_copyright, debian_spdx, folder_licence

HEAD = "Format: copyright-format/1.0\nSource: x\n\n"


@pytest.mark.parametrize(
    ("name", "spdx"),
    [
        ("GPL-2+", "GPL-2.0-or-later"),
        ("GPL-3.0+", "GPL-3.0-or-later"),
        ("LGPL-2.1", "LGPL-2.1-only"),
        ("AGPL-3", "AGPL-3.0-only"),
        ("Expat", "MIT"),
        ("BSD-3-clause", "BSD-3-Clause"),
        ("CC-BY-SA-4.0", "CC-BY-SA-4.0"),
        ("MPL-1.1 or GPL-2 or LGPL-2", "MPL-1.1 OR GPL-2.0-only OR LGPL-2.0-only"),
        ("Artistic and GPL-1+", "Artistic-1.0 AND GPL-1.0-or-later"),
        ("other", ""),
        ("GPL-2 or other", ""),
    ],
)
def test_debian_names(name, spdx):
    assert debian_spdx(name) == spdx


def test_the_licence_of_all_files_is_read(tmp_path):
    path = tmp_path / "copyright"
    path.write_text(
        HEAD + "License: MIT\n\nFiles: debian/*\nLicense: GPL-3\n\nFiles: *\nCopyright: me\nLicense: GPL-2+\n text\n"
    )
    assert debian_copyright(path) == ("GPL-2.0-or-later", "Files: * License: GPL-2+")


def test_without_such_a_stanza_all_count(tmp_path):
    path = tmp_path / "copyright"
    path.write_text(HEAD + "Files: a/*.png\n b/*.png\nLicense: CC-BY-4.0\n\nFiles: b\nLicense: MIT\n")
    assert debian_copyright(path)[0] == "CC-BY-4.0 AND MIT"


def test_prose_gives_words_and_no_licence(tmp_path):
    path = tmp_path / "copyright"
    path.write_text("Packaged by me.\n\nPermission is granted to copy.\n")
    assert debian_copyright(path) == ("", "not machine readable: Permission is granted to copy.")
    assert debian_copyright(tmp_path / "absent")[0] == ""


@pytest.mark.parametrize(
    ("card", "spdx"),
    [
        ("---\nlicense: apache-2.0\nlanguage: [en]\n---\n# Data\n", "Apache-2.0"),
        ("---\nlicense: [mit, cc-by-4.0]\n---\n", "MIT AND CC-BY-4.0"),
        ("---\nlicense: other\nlicense_name: own\n---\n", ""),
        ("---\nlicense: {a: [\n---\n", ""),
        ("license: mit\n", ""),
    ],
)
def test_the_card_of_a_dataset_states_its_licence(tmp_path, card, spdx):
    (tmp_path / "README.md").write_text(card)
    stated, name = folder_licence(tmp_path)
    assert (stated.license, name) == (spdx, "README.md" if spdx else "")
