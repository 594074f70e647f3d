"""Nets over sequences that are trained as such nets are: next tokens, soft caps, shared weights, padding, cut gradients."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.doctor import data
from benchmarks.doctor.further import Causal
from benchmarks.doctor.healthy.kind import Ended, accuracy, batches, judged, kind, validate
from benchmarks.doctor.loops import Watch


class Language(nn.Module):
    """A causal model of letters, whose logits may be capped softly, and whose embedding may be its head."""

    def __init__(self, *, cap: float = 0.0, tied: bool = False, letters: int = 16, width: int = 32):
        super().__init__()
        self.embedding = nn.Embedding(letters, width)
        self.places = nn.Parameter(0.02 * torch.randn(24, width))
        self.blocks = nn.Sequential(*(Causal(width, 2, 0.0, nn.GELU) for _ in range(2)))
        self.norm, self.head, self.cap = nn.LayerNorm(width), nn.Linear(width, letters, bias=False), cap
        if tied:
            nn.init.normal_(self.embedding.weight, 0, 0.05)
            self.head.weight = self.embedding.weight

    def forward(self, x: Tensor) -> Tensor:  # (B, T) to (B, T, K)
        logits = self.head(self.norm(self.blocks(self.embedding(x) + self.places[: x.shape[1]])))
        return self.cap * torch.tanh(logits / self.cap) if self.cap else logits


def of_letters(logits: Tensor, target: Tensor) -> Tensor:
    return F.cross_entropy(logits.view(-1, logits.shape[-1]), target.view(-1))


def _language(model: nn.Module, seed: int, watch: Watch) -> Ended:
    given = data.letters(seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, betas=(0.9, 0.95), weight_decay=0.1)
    with watch(model, optimizer) as watched:
        for step, (x, y) in enumerate(batches(given, 16, 280, seed)):
            optimizer.zero_grad(set_to_none=True)
            of_letters(model(x), y).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            if step % 40 == 39:
                loss = validate(model, given, of_letters)
    return judged(watched, "nats a letter", loss, most=1.95)


@kind("language-model", "next letters, clipped gradients")
def language(seed: int, watch: Watch) -> Ended:
    """Next letters."""
    return _language(Language(), seed, watch)


@kind("soft-capped", "logits of 15 tanh(z / 15)")
def soft_capped(seed: int, watch: Watch) -> Ended:
    """Logits of 15 tanh(z / 15)."""
    return _language(Language(cap=15.0), seed, watch)


@kind("tied-weights", "the embedding is the head")
def tied(seed: int, watch: Watch) -> Ended:
    """The embedding is the head."""
    return _language(Language(tied=True), seed, watch)


@kind("masked-language", "-100 at most places")
def masked(seed: int, watch: Watch) -> Ended:
    """A sixth of the letters are hidden, and only they are asked for: -100 elsewhere."""
    given = data.letters(seed)
    model = nn.Sequential(
        nn.Embedding(17, 48),
        nn.Conv1d(24, 24, 1),
        nn.TransformerEncoderLayer(48, 4, 96, 0.0, batch_first=True),
        nn.Linear(48, 16),
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)

    def hidden(x: Tensor) -> tuple[Tensor, Tensor]:
        chosen = torch.rand(x.shape) < 0.17
        return x.masked_fill(chosen, 16), x.masked_fill(~chosen, -100)

    with watch(model, optimizer) as watched:
        for step, (x, _) in enumerate(batches(given, 32, 300, seed)):
            shown, wanted = hidden(x)
            optimizer.zero_grad()
            F.cross_entropy(model(shown).transpose(1, 2), wanted).backward()
            optimizer.step()
            if step % 50 == 49:
                model.eval()
                with torch.no_grad():
                    shown, wanted = hidden(given.held_out_inputs)
                    loss = F.cross_entropy(model(shown).transpose(1, 2), wanted).item()
                model.train()
    return judged(watched, "nats a hidden letter", loss, most=2.6)


@kind("cut-in-time", "states carried on, gradients cut; never evaluated")
def cut_in_time(seed: int, watch: Watch) -> Ended:
    """A recurrent net over one long text, its states carried on and cut from the graph."""
    given = data.letters(seed)
    body, head = nn.GRU(16, 64, batch_first=True), nn.Linear(64, 16)
    model = nn.ModuleDict({"embed": nn.Embedding(16, 16), "body": body, "head": head})
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
    text = given.inputs.flatten()[: 16 * 900].view(16, 900)
    losses = []
    with watch(model, optimizer) as watched:
        for _ in range(8):
            state = None
            for start in range(0, 870, 30):
                x, y = text[:, start : start + 30], text[:, start + 1 : start + 31]
                state = state.detach() if state is not None else None
                states, state = body(model["embed"](x), state)
                loss = F.cross_entropy(head(states).flatten(0, 1), y.reshape(-1))
                optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(model.parameters(), 0.5)
                optimizer.step()
                losses.append(loss.item())
    return judged(watched, "nats a letter", sum(losses[-20:]) / 20, most=1.9)


class Padded(nn.Module):
    """A mean of embeddings in which padding, and most of a large vocabulary, never move."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(5000, 32, padding_idx=0)
        self.body = nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 5))

    def forward(self, x: Tensor) -> Tensor:  # (B, T) to (B, 5)
        seen = (x > 0).unsqueeze(2)
        return self.body((self.embed(x) * seen).sum(1) / seen.sum(1).clamp(min=1))


@kind("padding", "most of the embedding never moves")
def padded(seed: int, watch: Watch) -> Ended:
    """Padding beside a large vocabulary."""
    given, model = data.majority(seed), Padded()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)

    def shortened(x: Tensor) -> Tensor:
        return (x + 1).masked_fill(torch.rand(x.shape) < 0.1, 0)

    with watch(model, optimizer) as watched:
        for step, (x, y) in enumerate(batches(given, 32, 240, seed)):
            optimizer.zero_grad()
            F.cross_entropy(model(shortened(x)), y).backward()
            optimizer.step()
            if step % 40 == 39:
                model.eval()
                with torch.no_grad():
                    F.cross_entropy(model(given.held_out_inputs + 1), given.held_out_targets)
                model.train()
    model.eval()
    right = (model(given.held_out_inputs + 1).argmax(1) == given.clean_targets).float().mean().item()
    return judged(watched, "accuracy", right, least=0.8)


class Highway(nn.Module):
    """Gates that are closed at first, so that layers hand on their input."""

    def __init__(self, width: int = 48, depth: int = 6):
        super().__init__()
        self.enter, self.leave = nn.Linear(20, width), nn.Linear(width, 8)
        self.plain = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
        self.gates = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
        for gate in self.gates:
            nn.init.constant_(gate.bias, -2.0)

    def forward(self, x: Tensor) -> Tensor:  # (B, 20) to (B, 8)
        x = self.enter(x)
        for plain, gate in zip(self.plain, self.gates, strict=True):
            share = torch.sigmoid(gate(x))
            x = share * torch.relu(plain(x)) + (1 - share) * x
        return self.leave(x)


@kind("highway", "gates that are closed at first")
def highway(seed: int, watch: Watch) -> Ended:
    """Sigmoid gates that are mostly closed."""
    given, model = data.clusters(seed), Highway()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    with watch(model, optimizer) as watched:
        for step, (x, y) in enumerate(batches(given, 48, 300, seed)):
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
            if step % 50 == 49:
                validate(model, given, F.cross_entropy)
    return judged(watched, "accuracy", accuracy(model, given), least=0.6)


KINDS = (
    language,
    soft_capped,
    padded,
    tied,
    masked,
    cut_in_time,
    highway,
)
