"""The strongest answer of each pattern is that of the text alone, whatever padding stands beside it."""

import torch

from thalweg.layers.word_convolution import WordConvolution, WordVectors
from thalweg.models.tabular import Tabular


def test_each_text_gets_the_greatest_of_its_own_answers_and_none_below_zero():
    torch.manual_seed(0)
    net = WordConvolution(WordVectors(9, 4), 4, 5, (2, 3)).eval()
    words, lengths = torch.randint(1, 9, (6, 7, 1)), torch.tensor([7, 3, 1, 0, 5, 2])
    mask = torch.arange(7) < lengths[:, None]
    together = net(words, mask)
    for row, length in enumerate(lengths.tolist()):
        alone = net.words.vectors[words[row, :length, 0]].T[None]  # (1, D, L)
        wanted = [one(alone).relu().amax(2)[0] if length else torch.zeros(5) for one in net.convolutions]
        torch.testing.assert_close(together[row], torch.cat(wanted), atol=1e-6, rtol=1e-6)


def test_members_that_share_their_encoders_read_the_same_vectors():
    torch.manual_seed(0)
    ports, settings = Tabular.tiny()
    shared = Tabular(ports, settings).encoded
    rows = Tabular.example(ports, torch.Generator().manual_seed(0))
    found = shared(rows)
    side_by_side = torch.cat([one(rows[name]) for name, one in shared.encoders.items()], 1)
    assert found.shape == (settings.members, 8, shared.width)
    assert all(torch.equal(member, side_by_side) for member in found)
