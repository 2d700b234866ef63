import hashlib
from pathlib import Path

import pytest
from kd_inputs import CONTEXT, batch_of, generators, output_of

from baselines import registry
from baselines.method import Method
from baselines.none import NoDistillation
from baselines.registry import UnknownMethodError, load_method, method_names, method_source, short_name


def installed_package(folder: Path, line: str) -> None:
    """Put the metadata of a package with one method where Python finds installed packages."""
    metadata = folder / "somebody_else-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: somebody-else\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[harness.methods]\n{line}\n")
    (folder / "somebody_else.py").write_text(
        "from baselines.none import NoDistillation\nclass Mine(NoDistillation): ...\n"
    )


@pytest.mark.parametrize("name", registry.SHIPPED)
def test_shipped_methods_load(name):
    method = load_method(name)
    assert issubclass(method, Method)
    assert name in method_names()


def test_nothing_to_distil():
    batch = batch_of([3], [3])
    method = load_method("none")(NoDistillation.Settings(), CONTEXT)
    assert not method.needs_teacher
    assert method.supervised_weight == 1.0
    assert method(output_of(batch, 2, 1.0), output_of(batch, 2, 1.0), batch, generators(1)) == {}


def test_dotted_path():
    assert load_method("baselines.none:NoDistillation") is NoDistillation


def test_the_source_of_a_method_of_ones_own_changes_with_its_file(tmp_path, monkeypatch):
    text = "from baselines.none import NoDistillation\nclass Edited(NoDistillation): ...\n"
    monkeypatch.syspath_prepend(str(tmp_path))
    for name, content in {"edited_before": text, "edited_after": text + "# a word\n"}.items():
        (tmp_path / f"{name}.py").write_text(content)
    before, after = method_source("edited_before:Edited"), method_source("edited_after:Edited")
    assert before == hashlib.sha256(text.encode()).hexdigest()[:12] != after
    assert method_source("pvd") is None


def test_short_names():
    assert [short_name(name) for name in ("pvd", "my.package:Mine")] == ["pvd", "Mine"]


def test_entry_point_of_an_installed_package(tmp_path, monkeypatch):
    installed_package(tmp_path, "mine = somebody_else:Mine")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert load_method("mine").__name__ == "Mine"
    assert method_names()[-1] == "mine"


def test_an_installed_package_does_not_take_over_a_shipped_name(tmp_path, monkeypatch):
    installed_package(tmp_path, "none = somebody_else:Mine")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert load_method("none") is NoDistillation
    assert method_names().count("none") == 1


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("logit-kd", "did you mean logit_kd"),
        ("pdv", "did you mean pvd"),
        ("qqqqqqqq", "known are none, pvd"),
        ("", "known are"),
        ("no.such.module:Method", "can't be imported"),
        ("baselines.none:Absent", "can't be imported"),
        ("backbones.points:PointBatch", "not a subclass"),
        ("baselines.none:Tensor.shape", "can't be imported"),
    ],
)
def test_unknown_names_say_what_is_known(name, words):
    with pytest.raises(UnknownMethodError, match=words):
        load_method(name)


def test_default_weights_are_the_published_ones():
    published = {
        "logit_kd": {"temperature": 4.0, "weight": 1.0, "supervised_weight": 1.0},
        "fitnets": {"weight": 100.0},
        "attention_transfer": {"weight": 1000.0},
        "skd": {"pixel_weight": 10.0, "pair_weight": 1.0},
        "cwd": {"logits_weight": 3.0, "temperature": 4.0},
        "ifv": {"weight": 200.0, "logits_weight": 10.0},
        "ka": {"adapt_weight": 50.0, "affinity_weight": 1.0},
        "pvd": {
            "point_output_weight": 0.1,
            "voxel_output_weight": 0.15,
            "point_affinity_weight": 0.15,
            "voxel_affinity_weight": 0.25,
        },
    }
    for name, weights in published.items():
        settings = load_method(name).Settings().model_dump()
        assert {key: settings[key] for key in weights} == weights, name
