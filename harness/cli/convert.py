"""`harness convert`: weights of released code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.options import json_option, print_json, read_settings, setting_option

if TYPE_CHECKING:
    from harness.spec import TrainingSplit

NETS = ("cylinder3d", "minkunet", "spvcnn", "spvnas")
"""As the released code names them; a test holds this to `backbones.convert.nets.NETS`."""

TRAINED_ON: dict[str, tuple[TrainingSplit, ...]] = {"train": ("train",), "train+val": ("train", "val")}
"""What --trained-on stands for."""


@click.command("convert")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--net", type=click.Choice(NETS), required=True, help="What the file holds; PVKD's are cylinder3d.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The .safetensors file to write; the network and the source are in its metadata.",
)
@click.option(
    "--rulebook",
    type=click.Choice(["as_released", "as_described"]),
    help="cylinder3d: whether the convolutions of a block share a kernel map, as in the code for spconv 1.x. "
    "Default: as_released for a file in spconv 1.x's layout, as_described for one of spconv 2.",
)
@click.option(
    "--net-config",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="spvnas: the member's net.config, to check the file against. Default: read from the tensors' shapes.",
)
@click.option(
    "--trained-on",
    type=click.Choice(list(TRAINED_ON)),
    help="Splits that the released network was trained on, as its authors say; it gets no score on those. Default: "
    "unknown, and every score says so.",
)
@setting_option
@json_option
def command(
    file: Path,
    net: str,
    out: Path,
    rulebook: str | None,
    net_config: Path | None,
    trained_on: str | None,
    settings: tuple[str, ...],
    as_json: bool,
) -> None:
    """Convert a released checkpoint FILE to a network of this program.

    Width, classes and inner sizes are read from the file. Every tensor must find its place and every parameter its
    tensor, or nothing is written and everything that did not match is listed (exit code 2). No code in FILE is run.
    What is in no file, such as Cylinder3D's grid, is a --setting.

    \b
    Examples:
      harness convert cyl_sem_1.0x_71_8.pt --net cylinder3d --out cylinder3d.safetensors
      harness convert model.pt --net cylinder3d --rulebook as_described --out cylinder3d.safetensors --json
      harness convert nuscenes.pt --net cylinder3d --setting "z_m=[-5, 3]" --out cylinder3d.safetensors
      harness convert init --net minkunet --trained-on train --out minkunet.safetensors
      harness convert init --net spvnas --net-config net.config --out spvnas.safetensors
    """
    if out.suffix != ".safetensors":
        raise click.BadParameter(f"'{out}' must end in .safetensors", param_hint="'--out'")
    chosen = _settings(net, rulebook, net_config, settings)
    from harness.train.converted import convert_file

    card = convert_file(file, net, chosen, out, None if trained_on is None else TRAINED_ON[trained_on])
    if as_json:
        print_json({"path": str(out), **card.model_dump(mode="json")})
        return
    network = card.backbone
    click.echo(f"{out}: {network.name}, width {network.width:g}, {network.classes} classes")
    click.echo(f"  read as {card.source.net} in the layout {card.source.layout}, SHA-256 {card.source.sha256}")
    click.echo(f"  trained on {trained_on or 'unknown splits'}")
    for name, value in network.settings.items():
        if name != "net_config":
            click.echo(f"  {name}: {json.dumps(value)}")
    for note in card.source.notes:
        click.echo(f"  note: {note}")


def _settings(net: str, rulebook: str | None, net_config: Path | None, pairs: tuple[str, ...]) -> dict[str, Any]:
    """Return the settings that the options choose."""
    settings = read_settings(pairs)
    for option, value, owner in (("rulebook", rulebook, "cylinder3d"), ("net_config", net_config, "spvnas")):
        if value is None:
            continue
        hint = f"'--{option.replace('_', '-')}'"
        if net != owner:
            raise click.BadParameter(f"only {owner} has one; --net is {net}", param_hint=hint)
        if option in settings:
            raise click.BadParameter(f"--setting {option}=… is given too; give one of them", param_hint=hint)
        settings[option] = _read_net_config(value) if isinstance(value, Path) else value
    return settings


def _read_net_config(path: Path) -> dict[str, Any]:
    """Return the content of a net.config."""
    from backbones.spvnas.net_config import read_net_config

    try:
        return read_net_config(path).root
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="'--net-config'") from error
