"""What ``spark-submit`` needs of a project, in one folder."""

from __future__ import annotations

import dataclasses
import os
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakehouse.config import FILE_NAME
from lakehouse.errors import ConfigError
from lakehouse.fingerprint import resolve_params
from lakehouse.objectstore import s3
from lakehouse.ship import archive, file_fields, packages
from lakehouse.spark_settings import JARS, MASTER, is_local, settings

if TYPE_CHECKING:
    from lakehouse.lake import Lake

_MAIN = '''"""What spark-submit is given; see mixlake package."""

import sys

from lakehouse.submit import main

sys.exit(main())
'''


@dataclass(frozen=True, slots=True)
class Package:
    """What was written.

    Args:
        files: The files.
        command: How they are submitted; SELECT is left to the user.
    """

    files: tuple[Path, ...]
    command: str

    def as_dict(self) -> dict[str, Any]:
        """Return what ``mixlake package --json`` prints."""
        return {"files": [str(path) for path in self.files], "command": self.command}


def package(lake: Lake, folder: Path) -> Package:
    """Write the code of a project, the entry and the settings of Spark.

    Args:
        lake: The lake, with the project's configuration.
        folder: Where to write; it is made where it is missing.

    Raises:
        ConfigError: If the configuration holds a secret, which would travel with the code.
    """
    if secret := next((name for name in lake.config.storage if s3.is_secret_option(name)), None):
        raise ConfigError(
            f"storage: holds {secret}, which would travel in the package",
            f"take it out of {FILE_NAME} and set AWS_{secret.upper().removeprefix('AWS_')} where it is submitted",
        )
    master = lake.config.spark.get(MASTER, "local")
    wanted = settings(lake.config.with_spark({MASTER: "yarn"}) if is_local(master) else lake.config)
    if secret := next((key for key in wanted if s3.is_secret(key)), None):
        raise ConfigError(f"spark: holds {secret}, which would travel in the package", "give it where it is submitted")
    own = dict(_own_files(lake))  # imports the modules, so that it is known what they import
    folder.mkdir(parents=True, exist_ok=True)
    code, entry, conf = (folder / name for name in ("mixlake.zip", "main.py", "spark.conf"))
    code.write_bytes(archive(packages(lake.config.modules, lake.config.root), own))
    entry.write_text(_MAIN, encoding="utf-8")
    files = [code, entry, conf]
    if s3.is_s3(lake.uri):
        jar = Path(shutil.copy(s3.LOG_STORE_JAR, folder))
        files.append(jar)
        others = [item for item in wanted[JARS].split(",") if item != str(s3.LOG_STORE_JAR)]
        wanted[JARS] = ",".join([str(jar.absolute()), *others])
    wanted.pop(MASTER, None)
    conf.write_text("".join(f"{key} {value}\n" for key, value in sorted(wanted.items())), encoding="utf-8")
    words = ["spark-submit", "--master", "MASTER", "--properties-file", conf, "--py-files", code, entry]
    place = [] if "MIXLAKE_LAKE" in os.environ else ["--lake", lake.uri]
    command = shlex.join([*map(str, words), *place, "run", "SELECT"])
    return Package(tuple(files), command)


def _own_files(lake: Lake) -> Iterator[tuple[str, Path]]:
    """Yield the configuration and the files that it names below its folder, by their place in it."""
    root = lake.config.root
    named = [root / FILE_NAME, *lake.registry.views]
    for flow in lake.registry.flows.values():
        if flow.kind == "sql":
            named.append(Path(flow.file))
        params = resolve_params(flow, lake.config)
        for name in file_fields(params) if dataclasses.is_dataclass(params) else ():
            value = getattr(params, name)
            named.extend(Path(item) for item in (value if isinstance(value, tuple) else (value,)) if item)
    for path in named:
        if path.is_file() and path.is_relative_to(root):
            yield path.relative_to(root).as_posix(), path
