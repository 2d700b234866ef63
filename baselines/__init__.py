"""Distillation methods: PVD and its rivals, behind one interface (`baselines.method`)."""
