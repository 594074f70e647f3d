"""Writing sequences symbol by symbol: greedy (one beam) and beam search over any model that offers `encode` and `step`.

A model that generates has, besides `forward`:

- `encode(**inputs) -> State`: all that the first symbol depends on, tensors with a row for each example;
- `step(state, symbols) -> (logits, state)`: (B,) the symbols written last, to (B, V) what may follow.

Letters: B rows, K beams, V symbols, L symbols written.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from thalweg.fields.kinds.tokens import BEGIN, END, FIRST

State = tuple[Tensor, ...]
Step = Callable[[State, Tensor], tuple[Tensor, State]]


def beam_search(step: Step, state: State, *, beams: int, longest: int) -> tuple[Tensor, Tensor]:
    """The likeliest sequence that is found when the `beams` likeliest beginnings are kept at every symbol.

    A row's answer does not depend on the other rows.

    Returns:
        (B, L) codes, END from where a sequence ends, L at most `longest`; and (B,) their log-probability in nats.
    """
    rows, device = state[0].shape[0], state[0].device
    state = tuple(part.repeat_interleave(beams, 0) for part in state)
    total = torch.full((rows, beams), -torch.inf, device=device)
    total[:, 0] = 0.0  # the beams begin alike: one of them counts
    written = torch.zeros(rows, beams, 0, dtype=torch.int64, device=device)
    ended = torch.zeros(rows, beams, dtype=torch.bool, device=device)
    symbols = torch.full((rows * beams,), BEGIN, device=device)
    first = torch.arange(rows, device=device)[:, None] * beams
    for _ in range(longest):
        logits, state = step(state, symbols)
        further = _log_probabilities(logits.view(rows, beams, -1), ended)  # (B, K, V)
        total, chosen = (total[:, :, None] + further).flatten(1).topk(beams, dim=1)
        beam, code = chosen // further.shape[2], chosen % further.shape[2]  # (B, K)
        state = tuple(part[(first + beam).flatten()] for part in state)
        before = written.gather(1, beam[:, :, None].expand(-1, -1, written.shape[2]))
        written = torch.cat([before, code[:, :, None]], dim=2)
        ended, symbols = ended.gather(1, beam) | (code == END), code.flatten()
        if bool(ended.all()):
            break
    return written[:, 0], total[:, 0]


def _log_probabilities(logits: Tensor, ended: Tensor) -> Tensor:
    """(B, K, V) of what may be written: symbols and the end; after the end (B, K) nothing but the end."""
    silent = torch.arange(logits.shape[2], device=logits.device) < FIRST  # padding, begin, end, unknown
    end = torch.arange(logits.shape[2], device=logits.device) == END
    said = logits.float().masked_fill(silent & ~end, -torch.inf).log_softmax(2)
    return torch.where(ended[:, :, None], torch.where(end, 0.0, -torch.inf), said)


def without_ends(codes: Tensor) -> Tensor:
    """Codes (B, L) with -1 from the first END on, as metrics of tokens read them."""
    return codes.masked_fill((codes == END).cumsum(1) > 0, -1)
