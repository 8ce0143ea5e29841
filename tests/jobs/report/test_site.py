"""The pages of a lake whose every text is hostile: all is shown, nothing of it is markup, nothing runs."""

from __future__ import annotations

import shutil
import subprocess
from html.parser import HTMLParser

import pytest

from jobs.report.page import PAGES, POLICY
from jobs.report.site import build_site
from lakehouse.declare.config import Config
from lakehouse.errors import ReleaseError
from lakehouse.project import Project
from tests.jobs.report.conftest import HOSTILE

BROWSER = next(
    (found for name in ("chromium-headless-shell", "chromium", "google-chrome") if (found := shutil.which(name))), None
)
FORBIDDEN = {"script", "iframe", "object", "embed", "form", "base", "link", "foreignobject", "input"}
VOID = {"meta", "img", "br", "hr"}


class Elements(HTMLParser):
    """Collects what a page consists of, and checks that elements are closed in order."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.text = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    @property
    def words(self):
        return "".join(self.text)


@pytest.fixture(scope="module")
def built(hostile):
    project, runs = hostile
    site = build_site(project, runs=runs)
    assert set(site.gaps) <= {"cost"}
    assert not site.damaged
    return {name: (text, Elements(text)) for name, text in site.pages.items()}


@pytest.mark.parametrize("name", PAGES)
def test_no_text_of_the_lake_becomes_markup_and_nothing_is_fetched(built, name):
    _, page = built[name]
    assert not FORBIDDEN & {tag for tag, _ in page.elements}
    for tag, attributes in page.elements:
        assert not [key for key in attributes if key.startswith("on") or key == "style"]
        assert (attributes.get("src") or "data:").startswith("data:")
        link = attributes.get("href")
        assert link is None or link.split("#")[0] in {*PAGES, ""}, (tag, link)
    assert {"http-equiv": "Content-Security-Policy", "content": POLICY} in [attrs for _, attrs in page.elements]
    assert "script-src" not in POLICY
    assert "default-src 'none'" in POLICY


@pytest.mark.parametrize("name", PAGES)
def test_pages_can_be_used_by_keyboard_and_screen_reader(built, name):
    _, page = built[name]
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert ("html", {"lang": "en"}) in page.elements
    assert next(attrs["href"] for tag, attrs in page.elements if tag == "a") == "#content"
    for tag, attributes in page.elements:
        if tag in {"svg", "audio", "video"} or "scroll" in (attributes.get("class") or "").split():
            assert attributes["aria-label"]
        if "scroll" in (attributes.get("class") or "").split():
            assert attributes["tabindex"] == "0"
        if tag == "img":
            assert attributes["alt"]


def test_every_link_leads_to_a_place(built):
    ids = {name: {attrs.get("id") for _, attrs in page.elements} for name, (_, page) in built.items()}
    for name, (_, page) in built.items():
        for tag, attributes in page.elements:
            if tag == "a":
                file, _, place = attributes["href"].partition("#")
                assert not place or place in ids[file or name], attributes["href"]


def test_hostile_texts_are_shown_as_they_are(built):
    for name in ("mixture.html", "samples.html", "releases.html", "training.html"):
        assert HOSTILE in built[name][1].words, name


def test_the_catalogue_shows_columns_with_their_docs(built):
    words = built["catalogue.html"][1].words
    assert "silver.documents" in words
    assert "Cleaned text, NFC UTF-8." in words


def test_flows_are_drawn_with_their_states(built):
    _, page = built["flows.html"]
    assert "silver.documents" in page.words
    assert any(tag == "svg" for tag, _ in page.elements)
    assert any(attrs.get("class") == "state missing" for _, attrs in page.elements)


def test_the_mixture_shows_quota_attrition_and_licences(built):
    words = built["mixture.html"][1].words
    assert "16 · 160%" in words  # drawn of a target of 10
    assert "kept 5" in words
    assert "drawn 2" in words
    assert "removed: too short" in words
    assert "100.00%" in words


def test_samples_have_texts_pictures_and_players(built):
    _, page = built["samples.html"]
    sources = {tag: attrs["src"] for tag, attrs in page.elements if "src" in attrs}
    assert sources["img"].startswith("data:image/png;base64,")
    assert sources["audio"].startswith("data:audio/wav;base64,")
    assert [n for n in range(5) if f"text{n}" in page.words] == [0, 1, 2]


def test_releases_show_what_differs(built):
    words = built["releases.html"][1].words
    assert "first to second" in words
    assert "gold.mixture" in words
    assert "tokens by cell" in words


def test_training_shows_the_loss_beside_the_data(built):
    words = built["training.html"][1].words
    assert "loss" in words
    assert "24" in words  # tokens of the first cell in four rows


def test_a_release_is_read_as_it_was(hostile):
    project, runs = hostile
    site = build_site(project, "first", runs=runs)
    written = site.pages
    words = Elements(written["mixture.html"]).words
    assert "7 · 70%" in words
    assert "drawn 1" in words
    assert "at first" in Elements(written["index.html"]).words
    assert "ledger.training_steps" not in site.gaps


def test_an_unknown_release_is_an_error(hostile):
    with pytest.raises(ReleaseError, match="there is no release 'nowhere'"):
        build_site(hostile[0], "nowhere")


def test_a_lake_with_nothing_in_it_has_pages_that_say_what_to_do(tmp_path):
    site = build_site(Project(Config(lake=str(tmp_path / "lake"), root=tmp_path)))
    written = site.pages
    assert not site.damaged
    assert "mixlake release create NAME" in Elements(written["releases.html"]).words
    assert "mixlake run +gold.mixture" in Elements(written["mixture.html"]).words
    assert set(written) == set(PAGES)


def test_what_is_damaged_is_named_and_all_else_is_shown(hostile, tmp_path):
    project, _ = hostile
    lake = tmp_path / "lake"
    shutil.copytree(project.config.lake, lake)
    next((lake / "gold" / "mixture").glob("*.parquet")).write_bytes(b"PAR1")
    (lake / "silver" / "images" / "_delta_log" / f"{0:020}.json").write_text("{bad")
    site = build_site(Project(Config(lake=str(lake), root=tmp_path)))
    assert {"gold.mixture", "silver.images"} <= site.damaged
    assert "silver.images has a damaged log" in Elements(site.pages["catalogue.html"]).words
    assert "text0" in Elements(site.pages["samples.html"]).words


@pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")
def test_in_a_browser_nothing_runs_and_both_colour_schemes_are_drawn(built, tmp_path):
    shots = {}
    for name, (text, _) in built.items():
        (tmp_path / name).write_text(text)
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files", "--window-size=900,700")
    for scheme, value in (("dark", 0), ("light", 1)):
        shot = tmp_path / f"{scheme}.png"
        subprocess.run(
            [
                BROWSER,
                *options,
                f"--blink-settings=preferredColorScheme={value}",
                f"--screenshot={shot}",
                str(tmp_path / "samples.html"),
            ],
            check=True,
            capture_output=True,
            timeout=60,
        )
        shots[scheme] = shot.read_bytes()
    assert shots["dark"] != shots["light"]
    for name in ("samples.html", "training.html", "releases.html"):
        dumped = subprocess.run(
            [BROWSER, *options, "--dump-dom", str(tmp_path / name)],
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        ).stdout
        assert f"<title>{PAGES[name]}" in dumped
        assert "<script" not in dumped
