"""One training step of V and of M in PyTorch on one core, the steps that bench_train times: the same layers and losses, forward, backward
and Adam, at the paper's sizes. Prints lines "name value unit", medians. Takes the words vae, rnn (default: both)."""

import statistics
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

LOG_SIGMA_FLOOR, HALF_LOG_2PI = -7.0, 0.9189385332046727


class Vae(nn.Module):
    """World Models' V: four convolutions, four transposed ones, stride 2."""

    def __init__(self, z=64, channels=(32, 64, 128, 256)):
        super().__init__()
        sides = zip((3, *channels[:3]), channels)
        self.conv = nn.ModuleList(nn.Conv2d(i, o, 4, stride=2) for i, o in sides)
        self.mu, self.logvar = nn.Linear(4 * channels[3], z), nn.Linear(4 * channels[3], z)
        self.fc = nn.Linear(z, 4 * channels[3])
        steps = zip((4 * channels[3], *channels[2::-1]), (*channels[2::-1], 3), (5, 5, 6, 6))
        self.deconv = nn.ModuleList(nn.ConvTranspose2d(i, o, k, stride=2) for i, o, k in steps)

    def encode(self, x):
        for layer in self.conv:
            x = F.relu(layer(x))
        x = x.flatten(1)
        return self.mu(x), self.logvar(x)

    def decode(self, z):
        x = self.fc(z)[:, :, None, None]
        for layer in self.deconv[:3]:
            x = F.relu(layer(x))
        return torch.sigmoid(self.deconv[3](x))

    def loss(self, images, noise, kl_floor):
        mu, logvar = self.encode(images)
        y = self.decode(mu + torch.exp(0.5 * logvar) * noise)
        square = (y - images).square().sum(dim=(1, 2, 3))
        kl = 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(dim=1)
        return (square + kl.clamp(min=kl_floor)).mean()


class Rnn(nn.Module):
    """World Models' M: an LSTM under a head of one mixture a latent dimension, with reward and end."""

    def __init__(self, z=64, a=1, hidden=512, mixtures=5):
        super().__init__()
        self.z, self.k = z, mixtures
        self.lstm = nn.LSTM(z + a, hidden)
        self.head = nn.Linear(hidden, 3 * z * mixtures + 2)

    def loss(self, x, target, reward, done):
        out = self.head(self.lstm(x)[0])
        n = self.z * self.k
        logits, mu, log_sigma = (part.unflatten(-1, (self.z, self.k)) for part in out[..., : 3 * n].split(n, dim=-1))
        log_sigma = log_sigma.clamp(min=LOG_SIGMA_FLOOR)
        u = (target[..., None] - mu) * torch.exp(-log_sigma)
        log_p = torch.logsumexp(torch.log_softmax(logits, -1) - 0.5 * u.square() - log_sigma, -1) - HALF_LOG_2PI
        ends = F.binary_cross_entropy_with_logits(out[..., -1], done, pos_weight=torch.tensor(10.0))
        return -log_p.mean() + 0.5 * (out[..., -2] - reward).square().mean() + ends


def median_ms(step, seconds=8.0):
    step()
    step()
    times, end = [], time.perf_counter() + seconds
    while len(times) < 3 or time.perf_counter() < end:
        start = time.perf_counter()
        step()
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times)


def trainer(net, inputs, clip=None):
    adam = torch.optim.Adam(net.parameters(), lr=1e-4, foreach=True)

    def step():
        adam.zero_grad(set_to_none=True)
        net.loss(*inputs).backward()
        if clip is not None:
            nn.utils.clip_grad_value_(net.parameters(), clip)
        adam.step()

    return step


def vae_ms(layout, batch=100, z=64):
    net = Vae(z).to(memory_format=layout)
    images = torch.rand(batch, 3, 64, 64).to(memory_format=layout)
    return median_ms(trainer(net, (images, torch.randn(batch, z), 32.0)))


def rnn_ms(steps=500, batch=100, z=64, hidden=512):
    x, target = torch.randn(steps, batch, z + 1), torch.randn(steps, batch, z)
    reward, done = torch.rand(steps, batch), (torch.rand(steps, batch) < 0.01).float()
    return median_ms(trainer(Rnn(z, hidden=hidden), (x, target, reward, done), clip=1.0), 15.0)


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.manual_seed(1)
    wanted = sys.argv[1:] or ["vae", "rnn"]
    if "vae" in wanted:  # the better of PyTorch's two layouts of memory
        print(f"torch_vae_training_step_ms {min(vae_ms(torch.contiguous_format), vae_ms(torch.channels_last)):.2f} ms", flush=True)
    if "rnn" in wanted:
        print(f"torch_rnn_training_step_ms {rnn_ms():.1f} ms", flush=True)
