"""Generators, agents, equations: several nets and optimizers, targets that the net gives itself, losses without labels."""

import copy

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.doctor import data
from benchmarks.doctor.healthy.kind import Ended, batches, judged, kind, perceptron
from benchmarks.doctor.loops import Watch


def _rivals(generator: nn.Module, critic: nn.Module, *, rate: float = 1e-3) -> tuple[torch.optim.Adam, torch.optim.Adam]:
    """The optimizers of both, the critic's with its own rate."""
    made, judging = generator.parameters(), critic.parameters()
    return torch.optim.Adam(made, lr=5e-4, betas=(0.5, 0.9)), torch.optim.Adam(judging, lr=rate, betas=(0.5, 0.9))


def _step(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def _matched(watched: object, generator: nn.Module, given: Tensor) -> Ended:
    """Ended well if what is made lies where the points (N, 2) lie."""
    apart = (generator(torch.randn(1000, 8)).mean(0) - given.mean(0)).norm().item()
    return judged(watched, "distance of means", apart, most=0.8)


@kind("gan", "the generator, beside a critic with its own optimizer")
def adversarial(seed: int, watch: Watch) -> Ended:
    """The generator of a GAN; gradients that it leaves in the critic are cleared before the critic's own step."""
    given = torch.randn(2000, 2, generator=torch.Generator().manual_seed(seed)) * torch.tensor([0.3, 1.0]) + torch.tensor(
        [2.0, -1.0]
    )
    generator, critic = perceptron(8, 64, 64, 2), perceptron(2, 64, 64, 1, activation=nn.LeakyReLU)
    optimizer_g, optimizer_d = _rivals(generator, critic)
    ones, zeros = torch.ones(64, 1), torch.zeros(64, 1)
    with watch(generator, optimizer_g) as watched:
        for _ in range(500):
            real, made = given[torch.randint(2000, (64,))], generator(torch.randn(64, 8))
            judged_real = F.binary_cross_entropy_with_logits(critic(real), ones)
            _step(optimizer_d, judged_real + F.binary_cross_entropy_with_logits(critic(made.detach()), zeros))
            _step(optimizer_g, F.binary_cross_entropy_with_logits(critic(made), ones))
    return _matched(watched, generator, given)


@kind("gan-critic", "gradients of the other net's step are cleared")
def critic_of(seed: int, watch: Watch) -> Ended:
    """The critic of a GAN, in which the generator's step leaves gradients that are cleared."""
    given = torch.randn(2000, 2, generator=torch.Generator().manual_seed(seed)) * 0.5 + 1.5
    generator, critic = perceptron(8, 48, 2), perceptron(2, 48, 48, 1, activation=nn.LeakyReLU)
    optimizer_g, optimizer_d = _rivals(generator, critic)
    with watch(critic, optimizer_d) as watched:
        for _ in range(400):
            made = generator(torch.randn(64, 8))
            real = F.softplus(-critic(given[torch.randint(2000, (64,))]))
            _step(optimizer_d, (real + F.softplus(critic(made.detach()))).mean())
            _step(optimizer_g, F.softplus(-critic(made)).mean())
    return _matched(watched, generator, given)


@kind("heavy-critic", "another net takes most of the time")
def heavy_critic(seed: int, watch: Watch) -> Ended:
    """A light generator beside a critic that takes most of the time: that is no waiting for data."""
    given = torch.randn(2000, 2, generator=torch.Generator().manual_seed(seed)) * 0.5 + 1.0
    generator, critic = perceptron(8, 48, 2), perceptron(2, 512, 512, 1, activation=nn.LeakyReLU)
    optimizer_g, optimizer_d = _rivals(generator, critic, rate=3e-4)
    with watch(generator, optimizer_g) as watched:
        for _ in range(60):
            for _ in range(3):
                with torch.no_grad():
                    made = critic(torch.randn(128, 2))
                real = critic(given[torch.randint(2000, (128,))])
                _step(optimizer_d, (F.softplus(-real) + F.softplus(critic(torch.randn(128, 2)) + 0 * made)).mean())
            _step(optimizer_g, F.softplus(-critic(generator(torch.randn(128, 8)))).mean())
    moved = generator(torch.randn(1000, 8)).mean(0).norm().item()
    return judged(watched, "mean of what is made", moved, least=0.3)


@kind("autoencoder", "inputs are targets, a sigmoid last")
def autoencoder(seed: int, watch: Watch) -> Ended:
    """Pictures through six numbers and back, a sigmoid last."""
    given = data.digits(seed)
    model = nn.Sequential(nn.Flatten(), perceptron(64, 48, 6), nn.Tanh(), perceptron(6, 48, 64), nn.Sigmoid())
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    with watch(model, optimizer) as watched:
        for step, (x, _) in enumerate(batches(given, 48, 320, seed)):
            optimizer.zero_grad()
            F.mse_loss(model(x), x.flatten(1)).backward()
            optimizer.step()
            if step % 40 == 39:
                model.eval()
                with torch.no_grad():
                    loss = F.mse_loss(model(given.held_out_inputs), given.held_out_inputs.flatten(1)).item()
                model.train()
    return judged(watched, "squared error", loss, most=0.06)


class Variational(nn.Module):
    """Means and variances of four numbers, and pictures of them."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = perceptron(64, 64, 8), perceptron(4, 64, 64)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mean, log_variance = self.encoder(x).chunk(2, -1)
        code = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        return self.decoder(code), mean, log_variance


@kind("variational", "a bound by hand")
def variational(seed: int, watch: Watch) -> Ended:
    """A bound written by hand: binary cross-entropy, summed, and a divergence."""
    given, model = data.digits(seed), Variational()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)

    def bound(x: Tensor) -> Tensor:
        logits, mean, log_variance = model(x)
        divergence = -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum()
        return (F.binary_cross_entropy_with_logits(logits, x, reduction="sum") + divergence) / len(x)

    with watch(model, optimizer) as watched:
        for step, (x, _) in enumerate(batches(given, 48, 320, seed)):
            optimizer.zero_grad()
            bound(x.flatten(1)).backward()
            optimizer.step()
            if step % 40 == 39:
                model.eval()
                with torch.no_grad():
                    loss = bound(given.held_out_inputs.flatten(1)).item()
                model.train()
    return judged(watched, "bound", loss, most=31.0)


@kind("diffusion", "noise as targets")
def denoising(seed: int, watch: Watch) -> Ended:
    """Noise is told from noisy points at a random time: a small diffusion."""
    turn = torch.rand(2000, generator=torch.Generator().manual_seed(seed)) * 6.28
    points = torch.stack([turn.cos(), turn.sin()], 1)
    model = perceptron(2 + 8, 96, 96, 2, activation=nn.SiLU)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    waves = 2 ** torch.arange(4) * 1.57
    losses = []
    with watch(model, optimizer) as watched:
        for _ in range(500):
            x, time, noise = points[torch.randint(2000, (96,))], torch.rand(96, 1), torch.randn(96, 2)
            seen = (1 - time).sqrt() * x + time.sqrt() * noise
            loss = F.mse_loss(model(torch.cat([seen, (time * waves).sin(), (time * waves).cos()], 1)), noise)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    return judged(watched, "squared error", sum(losses[-50:]) / 50, most=0.5)


@kind("q-learning", "targets under no_grad in training mode")
def own_targets(seed: int, watch: Watch) -> Ended:
    """Q-learning on a walk of twelve fields: targets of a second net under no_grad, no evaluation, never eval()."""
    random = np.random.default_rng(seed)
    net = perceptron(12, 64, 2)
    target, eye = copy.deepcopy(net), torch.eye(12)
    optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
    with watch(net, optimizer) as watched:
        for step in range(500):
            place = torch.tensor(random.integers(0, 11, 48))
            move = torch.tensor(random.integers(0, 2, 48))
            after = (place + 2 * move - 1).clamp(0, 11)
            won = (after == 11).float()
            with torch.no_grad():
                best = target(eye[after]).amax(1)
            wanted = won + 0.9 * (1 - won) * best
            loss = F.smooth_l1_loss(net(eye[place]).gather(1, move[:, None]).squeeze(1), wanted)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if step % 25 == 24:
                target.load_state_dict(net.state_dict())
    right = (net(eye[:11]).argmax(1) == 1).float().mean().item()
    return judged(watched, "share of right moves", right, least=0.8)


@kind("reinforce", "a loss without meaning")
def policy(seed: int, watch: Watch) -> Ended:
    """REINFORCE on four arms whose best depends on what is shown; the loss means nothing by its value."""
    model = perceptron(6, 48, 4, activation=nn.Tanh)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    drawn = torch.Generator().manual_seed(seed)
    rule = torch.randn(6, 4, generator=drawn)
    rewards = []
    with watch(model, optimizer) as watched:
        for _ in range(500):
            x = torch.randn(64, 6, generator=drawn)
            choice = torch.distributions.Categorical(logits=model(x))
            move = choice.sample()
            reward = (move == (x @ rule).argmax(1)).float()
            loss = -(choice.log_prob(move) * (reward - 0.4)).mean() - 0.01 * choice.entropy().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            rewards.append(reward.mean().item())
    return judged(watched, "reward", sum(rewards[-50:]) / 50, least=0.5)


@kind("equation", "derivatives in the input")
def equation(seed: int, watch: Watch) -> Ended:
    """Of u' = -2 u, u(0) = 1, by derivatives of the net in its input."""
    torch.manual_seed(seed)
    model = perceptron(1, 32, 32, 1, activation=nn.Tanh)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    with watch(model, optimizer) as watched:
        for _ in range(500):
            t = torch.rand(64, 1).requires_grad_()
            u = model(t)
            (slope,) = torch.autograd.grad(u.sum(), t, create_graph=True)
            loss = (slope + 2 * u).square().mean() + (model(torch.zeros(1, 1)) - 1).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    t = torch.linspace(0, 1, 50)[:, None]
    worst = (model(t) - (-2 * t).exp()).abs().max().item()
    return judged(watched, "largest error", worst, most=0.15)


@kind("contrastive", "places in the batch as classes")
def neighbours(seed: int, watch: Watch) -> Ended:
    """Contrastive: of a batch, which is the other view; the classes are the places in the batch."""
    given = data.digits(seed)
    model = nn.Sequential(nn.Flatten(), perceptron(64, 96, 32))
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    right = []
    with watch(model, optimizer) as watched:
        for x, _ in batches(given, 64, 240, seed):
            one, two = (F.normalize(model(x + 0.3 * torch.randn_like(x)), dim=1) for _ in range(2))
            logits = one @ two.T / 0.2
            loss = F.cross_entropy(logits, torch.arange(64))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            right.append((logits.argmax(1) == torch.arange(64)).float().mean().item())
    return judged(watched, "share told", sum(right[-30:]) / 30, least=0.3)


KINDS = (
    adversarial,
    heavy_critic,
    autoencoder,
    own_targets,
    critic_of,
    variational,
    denoising,
    policy,
    equation,
    neighbours,
)
