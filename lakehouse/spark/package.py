"""What ``spark-submit`` needs of a project, in one folder."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lakehouse.declare.config import FILE_NAME
from lakehouse.declare.params import parameter_files, resolve_params
from lakehouse.delta.store import s3
from lakehouse.errors import ConfigError
from lakehouse.project import Project
from lakehouse.spark.code_archive import archive, package_folder, packages
from lakehouse.spark.settings import JARS, MASTER, is_local, settings

_MAIN = '''"""What spark-submit is given; see mixlake package."""

import sys

from lakehouse.cli.spark_submit import main

sys.exit(main())
'''


@dataclass(frozen=True, slots=True)
class Package:
    """What was written.

    Args:
        files: The files.
        command: How they are submitted; SELECT is left to the user.
        not_packed: Files of parameters that lie elsewhere, each with its table: they must be there where it runs.
    """

    files: tuple[Path, ...]
    command: str
    not_packed: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return what ``mixlake package --json`` prints."""
        return {
            "files": [str(path) for path in self.files],
            "command": self.command,
            "not_packed": list(self.not_packed),
        }


def package(project: Project, folder: Path) -> Package:
    """Write the code of a project, the entry and the settings of Spark.

    Args:
        project: The lake, with the project's configuration.
        folder: Where to write; it is made where it is missing.

    Raises:
        ConfigError: If the configuration holds a secret, which would travel with the code.
    """
    if secret := next((name for name in project.config.storage if s3.is_secret_option(name)), None):
        raise ConfigError(
            f"storage: holds {secret}, which would travel in the package",
            f"take it out of {FILE_NAME} and set AWS_{secret.upper().removeprefix('AWS_')} where it is submitted",
        )
    master = project.config.spark.get(MASTER, "local")
    wanted = settings(project.config.with_spark({MASTER: "yarn"}) if is_local(master) else project.config)
    if secret := next((key for key in wanted if s3.is_secret(key)), None):
        raise ConfigError(f"spark: holds {secret}, which would travel in the package", "give it where it is submitted")
    own = dict(_own_files(project))  # imports the modules, so that it is known what they import
    folder.mkdir(parents=True, exist_ok=True)
    code, entry, conf = (folder / name for name in ("mixlake.zip", "main.py", "spark.conf"))
    names = packages(project.config.modules, project.config.root)
    code.write_bytes(archive(names, own))
    entry.write_text(_MAIN, encoding="utf-8")
    files = [code, entry, conf]
    if s3.is_s3(project.catalog.uri):
        jar = Path(shutil.copy(s3.LOG_STORE_JAR, folder))
        files.append(jar)
        others = [item for item in wanted[JARS].split(",") if item != str(s3.LOG_STORE_JAR)]
        wanted[JARS] = ",".join([str(jar.absolute()), *others])
    wanted.pop(MASTER, None)
    conf.write_text("".join(f"{key} {value}\n" for key, value in sorted(wanted.items())), encoding="utf-8")
    words = ["spark-submit", "--master", "MASTER", "--properties-file", conf, "--py-files", code, entry]
    at = [] if "MIXLAKE_LAKE" in os.environ else ["--lake", project.catalog.uri]
    command = shlex.join([*map(str, words), *at, "run", "SELECT"])
    folders = [found for name in names if (found := package_folder(name)) is not None]
    return Package(tuple(files), command, tuple(_not_packed(project, folders)))


def _own_files(project: Project) -> Iterator[tuple[str, Path]]:
    """Yield the configuration and the files that it names below its folder, by their place in it."""
    root = project.config.root
    named = [root / FILE_NAME, *project.registry.views]
    named.extend(Path(flow.file) for flow in project.registry.flows.values() if flow.kind == "sql")
    named.extend(path for _, path in _parameter_files(project))
    for path in named:
        if path.is_file() and path.is_relative_to(root):
            yield path.relative_to(root).as_posix(), path


def _parameter_files(project: Project) -> Iterator[tuple[str, Path]]:
    """Yield the files that parameters name, each with the table whose flow has the parameter."""
    for flow in project.registry.flows.values():
        for path in parameter_files(resolve_params(flow, project.config)):
            yield flow.writes.name, Path(os.path.normpath(path))


def _not_packed(project: Project, folders: Collection[Path]) -> Iterator[str]:
    """Describe the files of parameters that are neither in the project's folder nor in a packed package."""
    for table, path in _parameter_files(project):
        if not any(path.is_relative_to(folder) for folder in (project.config.root, *folders)):
            yield f"{table}: {path}"
