"""`tollgate`: what the operator decides, on the command line. Each command is a module of its own.

It must not decide anything: commands read, call `tollgate.decide`, and print.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from tollgate import __version__
from tollgate.cli.approve import approve
from tollgate.cli.bench import bench
from tollgate.cli.budget import budget
from tollgate.cli.check import check
from tollgate.cli.exits import BadInput, Exit, sentence
from tollgate.cli.judge import judge
from tollgate.cli.plan import plan
from tollgate.cli.profile import profile
from tollgate.cli.replay import replay
from tollgate.cli.verify import verify


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="tollgate")
def tollgate() -> None:
    """Efficiency as a release criterion: judge, plan, check and audit on the command line."""


tollgate.add_command(approve)
tollgate.add_command(bench)
tollgate.add_command(budget)
tollgate.add_command(check)
tollgate.add_command(judge)
tollgate.add_command(plan)
tollgate.add_command(profile)
tollgate.add_command(replay)
tollgate.add_command(verify)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit code."""
    try:
        code = tollgate.main(args=arguments, prog_name="tollgate", standalone_mode=False)
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.Abort:
        return 130
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return Exit.BAD_INPUT
    except click.ClickException as error:
        click.echo(sentence(error), err=True)
        return error.exit_code if isinstance(error, BadInput) else Exit.BAD_INPUT
    return int(code or 0)


if __name__ == "__main__":
    sys.exit(main())
