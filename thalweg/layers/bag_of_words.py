"""A linear answer over bags of words: of one text or several, beginning where naive Bayes ends.

Letters: B batch, D width, C classes or values.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from thalweg.fields.ports import Ports
from thalweg.layers.encoders.text import TextEncoder, TextSettings
from thalweg.layers.start import Start, StartsFromData


class BagOfWords(StartsFromData, nn.Module):
    """Texts by their ports' names to (B, C).

    At the start the head reads off the first columns, which the encoders started at log ratios, as they are.
    """

    def __init__(self, ports: Ports, settings: TextSettings) -> None:
        super().__init__()
        self.encoders = nn.ModuleDict({port.name: TextEncoder(port, settings) for port in ports.inputs})
        self.width = settings.width
        self.head = nn.Linear(settings.width * len(self.encoders), ports.output.width)

    def forward(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Texts with their masks to (B, C)."""
        encoded = [one(inputs[name], inputs[f"{name}_mask"]) for name, one in self.encoders.items()]
        answer: Tensor = self.head(torch.cat(encoded, 1))
        return answer

    def start(self, start: Start) -> None:
        columns = 0 if start.target is None else start.target.width
        if columns > self.width:
            return
        whole = torch.eye(columns, dtype=self.head.weight.dtype, device=self.head.weight.device)
        for place in range(len(self.encoders)):
            self.head.weight[:, place * self.width : place * self.width + columns] = whole
        self.head.bias.zero_()
