"""A distillation method in one file; docs/your-own-method.md walks through it."""

import torch

from baselines.method import Method, MethodSettings
from baselines.per_scan import mean_per_scan


class MySettings(MethodSettings):
    """What a matrix file may set."""

    weight: float = 1.0
    share: float = 0.5


class MyMethod(Method):
    """The student's voxel features, mapped to the teacher's width, point where the teacher's point."""

    Settings = MySettings

    def __init__(self, settings, context):
        super().__init__(settings, context)
        self.settings = settings
        self.adapter = torch.nn.Linear(context.student_features, context.teacher_features)

    def forward(self, student, teacher, batch, draws):
        """Return 1 − cosine, averaged over a random share of the voxels of each scan."""
        mapped = self.adapter(student.voxel_features)
        distance = 1 - torch.cosine_similarity(mapped, teacher.voxel_features)
        voxels = torch.bincount(batch.scan_index, minlength=batch.points.scans).tolist()
        noise = [torch.rand(count, generator=draw) for count, draw in zip(voxels, draws, strict=True)]
        chosen = (torch.cat(noise) < self.settings.share).to(distance.device)
        loss = mean_per_scan(distance, batch.scan_index, batch.points.scans, chosen)
        return {"direction": self.settings.weight * loss}
