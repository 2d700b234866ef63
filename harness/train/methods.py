"""The method of a cell: what it is told, and how it is made."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import torch
from torch import Tensor

from backbones.backbone import Backbone
from baselines.method import Method, MethodContext
from baselines.registry import load_method
from harness.data.draws import torch_generator
from harness.errors import HarnessError
from harness.spec import MethodSpec


def method_context(student: Backbone, teacher: Backbone | None, class_counts: Sequence[int]) -> MethodContext:
    """Return what a method may know before training starts.

    Args:
        student: the network that is trained.
        teacher: the frozen one; None for a method that needs none, which is told of no channels of it.
        class_counts: labelled points of the training set by class id, [C + 1].
    """
    return MethodContext(
        class_counts=tuple(class_counts),
        student_stages=student.stage_channels,
        teacher_stages={} if teacher is None else teacher.stage_channels,
        middle_stage=student.middle_stage,
        level_stages=student.level_stages,
        student_features=student.stage_channels[student.last_stage],
        last_stage=student.last_stage,
        teacher_features=0 if teacher is None else teacher.stage_channels[teacher.last_stage],
    )


def checked_terms(returned: object, taken: Collection[str], label: str) -> dict[str, Tensor]:
    """Return what a method returned if it is what the interface asks for.

    Args:
        returned: of `Method.forward`.
        taken: names of the supervised terms.
        label: what the method is called, for the message.

    Raises:
        HarnessError: it is no mapping of names to scalars, has none, or a name is one of supervision's.
    """
    fault = None
    if not isinstance(returned, Mapping):
        fault = f"a {type(returned).__name__}"
    elif not returned:
        fault = "no term, so that a plain student would be trained under its name"
    else:
        for name, term in returned.items():
            if not isinstance(term, Tensor):
                fault = f"term {name!r}, a {type(term).__name__}"
            elif term.ndim or not term.is_floating_point():
                fault = f"term {name!r} of shape {list(term.shape)} and type {term.dtype}"
            elif name in taken:
                fault = f"term {name!r}, which supervision has too"
    if fault is not None:
        remedy = "Give a term a weight, or mend its forward; see docs/your-own-method.md."
        raise HarnessError(f"method {label}", fault, "a dictionary of scalar tensors by names of its own", remedy)
    return dict(returned)  # type: ignore[call-overload,no-any-return]


def build_method(spec: MethodSpec, context: MethodContext, seed: int) -> Method:
    """Make a method with adapters whose initial weights depend on the seed alone.

    Raises:
        ValueError: a setting does not fit these networks, for example a stage they don't have.
    """
    kind = load_method(spec.name)
    with torch.random.fork_rng(devices=[]):
        torch.set_rng_state(torch_generator(seed, 0, "", "initial adapters").get_state())
        return kind(kind.Settings.model_validate(spec.settings), context)
