"""The regression gate: is a run as good, as fast and as small as the runs of the reference were?"""
