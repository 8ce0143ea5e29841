"""``torchrun --nproc_per_node N -m trainer RECIPE --release NAME``: `mixlake train` on several processes."""

from __future__ import annotations

import sys

import click

from lakehouse.cli.context import Context
from lakehouse.errors import MixlakeError
from trainer.cli.train import command


def main() -> int:
    """Run the command and return its exit status."""
    try:
        status = command.main(prog_name="python -m trainer", obj=Context(), standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except MixlakeError as error:
        sys.stderr.write(f"mixlake: {error}\n")
        return error.exit_code
    return int(status or 0)


if __name__ == "__main__":
    sys.exit(main())
