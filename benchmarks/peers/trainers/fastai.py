"""fastai: not measured, since importing it imports torchvision, which thalweg's environments never hold."""

from benchmarks.peers.job import Clock, Job, Tool, Variant, Workload


class Fastai(Tool):
    """Named so that its absence is told."""

    title = "fastai"
    needs = ()
    variants = (Variant("float32", "", usual=True),)

    def refuses(self, workload: Workload) -> str:
        return "it imports torchvision, which these environments do without"

    def train(self, job: Job, clock: Clock) -> float:
        raise NotImplementedError(self.refuses(job.workload))


TOOL = Fastai()
