"""Makes nn.h: what PyTorch, in double, answers for the layers of src/nn and for whole steps of V and M.

Run it with torch and numpy installed:  python3 tests/golden/make_nn.py     (it rewrites nn.h beside itself)

Inputs and weights are not stored: both sides make them by the same integer formula (`numbers` here, golden_numbers in
golden.h), rounded to float, so that float and double tests start from the same values. Weights are made in OUR layout and
order, and put into PyTorch's: a convolution's (k,k,C,F) into OIHW = (F,C,k,k), a transposed one's (C,k,k,F) into (C,F,k,k),
images (B,S,S,C) into NCHW. The LSTM is written out in torch operations: PyTorch's own has another gate order, two biases
and no added one at the forget gate.
"""

import os

import numpy as np
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
lines = []


def numbers(salt, shape, low, high):
    n = int(np.prod(shape))
    with np.errstate(over="ignore"):
        x = (np.arange(n, dtype=np.uint32) + np.uint32(1)) * np.uint32(2654435761) + np.uint32(salt) * np.uint32(40503)
        for multiplier in (2246822519, 3266489917):
            x = (x ^ (x >> np.uint32(15))) * np.uint32(multiplier)
        x = x ^ (x >> np.uint32(13))
    u = (x >> np.uint32(8)).astype(np.float64) / 16777216.0
    return torch.tensor((low + (high - low) * u).astype(np.float32).astype(np.float64)).reshape(shape)


def leaf(salt, shape, low, high):
    return numbers(salt, shape, low, high).requires_grad_()


def give(name, value):
    flat = np.asarray(value.detach() if torch.is_tensor(value) else value, dtype=np.float64).reshape(-1)
    assert np.isfinite(flat).all()
    text = [format(v, ".10g") for v in flat]
    lines.append(f"static const double golden_{name}[{len(text)}] = {{")
    row = ""
    for t in text:
        if len(row) + len(t) + 2 > 118:
            lines.append("  " + row.rstrip())
            row = ""
        row += t + ", "
    lines.append("  " + row.rstrip(", ") + "};")


def conv(x, w, b):  # all in our layout
    return F.conv2d(x.permute(0, 3, 1, 2), w.permute(3, 2, 0, 1), b, stride=2).permute(0, 2, 3, 1)


def deconv(x, w, b):
    return F.conv_transpose2d(x.permute(0, 3, 1, 2), w.permute(0, 3, 1, 2), b, stride=2).permute(0, 2, 3, 1)


def lstm(x, keep, h, c, w, b):
    hs = []
    for t in range(x.shape[0]):
        h, c = h * keep[t][:, None], c * keep[t][:, None]
        i, j, f, o = (torch.cat([x[t], h], 1) @ w + b).chunk(4, 1)
        c = c * torch.sigmoid(f + 1) + torch.sigmoid(i) * torch.tanh(j)
        h = torch.tanh(c) * torch.sigmoid(o)
        hs.append(h)
    return torch.stack(hs), h, c


def mixture(out, target, Z, K, floor):  # rows of -log p, mean over Z
    logit, mu, log_sigma = (out[:, p * Z * K:(p + 1) * Z * K].reshape(-1, Z, K) for p in range(3))
    weights = torch.distributions.Categorical(logits=logit)
    normals = torch.distributions.Normal(mu, log_sigma.clamp(min=floor).exp())
    return -torch.distributions.MixtureSameFamily(weights, normals).log_prob(target).mean(1)


def joint(out, target, Z, K, floor):  # rows of -log p under one mixture over all Z together, per dimension
    mu, log_sigma = out[:, K:K + 2 * K * Z].reshape(-1, K, 2, Z).unbind(2)
    weights = torch.distributions.Categorical(logits=out[:, :K])
    normals = torch.distributions.Independent(torch.distributions.Normal(mu, log_sigma.clamp(min=floor).exp()), 1)
    return -torch.distributions.MixtureSameFamily(weights, normals).log_prob(target) / Z


def layer(name, operation, x, w, b, salt):
    y = operation(x, w, b)
    (y * numbers(salt, y.shape, -1, 1)).sum().backward()
    for what, value in (("y", y), ("dx", x.grad), ("dw", w.grad), ("db", b.grad)):
        give(f"{name}_{what}", value)


def layers():
    layer("dense", lambda x, w, b: x @ w + b, leaf(1, (3, 4), -1, 1), leaf(2, (4, 5), -1, 1), leaf(3, (5,), -1, 1), 4)
    layer("conv", conv, leaf(5, (2, 7, 7, 3), -1, 1), leaf(6, (4, 4, 3, 5), -1, 1), leaf(7, (5,), -1, 1), 8)
    layer("deconv", deconv, leaf(9, (2, 3, 3, 4), -1, 1), leaf(10, (4, 5, 5, 3), -1, 1), leaf(11, (3,), -1, 1), 12)
    layer("deconv6", deconv, leaf(13, (2, 2, 2, 3), -1, 1), leaf(14, (3, 6, 6, 2), -1, 1), leaf(15, (2,), -1, 1), 16)


KEEP = [[1, 1, 0], [1, 1, 1], [0, 1, 1], [1, 1, 1], [1, 0, 1], [1, 1, 1]]  # (T,B)


def sequence():
    T, B, I, H = 6, 3, 5, 4
    x, w, b = leaf(20, (T, B, I), -2, 2), leaf(21, (I + H, 4 * H), -1, 1), leaf(22, (4 * H,), -1, 1)
    h, _, c = lstm(x, torch.tensor(KEEP, dtype=torch.float64), numbers(23, (B, H), -1, 1), numbers(24, (B, H), -1, 1), w, b)
    (h * numbers(25, h.shape, -1, 1)).sum().backward()
    for what, value in (("h", h), ("c_last", c), ("dx", x.grad), ("dw", w.grad), ("db", b.grad)):
        give(f"lstm_{what}", value)


def losses():
    B, Z, K = 5, 3, 4
    out, target = leaf(30, (B, 3 * Z * K + 2), -2, 2), numbers(31, (B, Z), -2, 2)
    weight, done = torch.tensor([1, 0, 2, 1, 0.5]), torch.tensor([0.0, 1, 1, 0, 1])
    mdn = (mixture(out, target, Z, K, -1.5) * weight).sum()
    bce = (F.binary_cross_entropy_with_logits(out[:, -1], done, pos_weight=torch.tensor(10.0), reduction="none") * weight).sum()
    square = (0.5 * (out[:, -2] - numbers(32, (B,), -1, 1)) ** 2 * weight).sum()
    (0.3 * (mdn + bce + square)).backward()
    give("losses", [mdn.item(), bce.item(), square.item()])
    give("losses_dout", out.grad)


def joint_loss():
    B, Z, K = 5, 3, 4
    out, target, weight = leaf(33, (B, K + 2 * K * Z + 2), -2, 2), numbers(34, (B, Z), -2, 2), torch.tensor([1, 0, 2, 1, 0.5])
    loss = (joint(out, target, Z, K, -1.5) * weight).sum()
    (0.3 * loss).backward()
    give("joint_loss", [loss.item()])
    give("joint_dout", out.grad)


def adam(parameters, loss, steps, **options):
    """`steps` steps on the same data; the first step's losses, its gradients and the last weights, each one flat vector."""
    optimiser = torch.optim.Adam(parameters, **options)
    for step in range(steps):
        optimiser.zero_grad()
        total, parts = loss()
        total.backward()
        if step == 0:
            first = parts, torch.cat([p.grad.reshape(-1) for p in parameters])
        optimiser.step()
    return *first, torch.cat([p.reshape(-1) for p in parameters])


def vae():
    B, Z, channels, floor, scale = 3, 4, (4, 4, 4, 6), 0.25, 0.25
    c = (3,) + channels
    code = 4 * channels[3]
    up, kernels = (code, channels[2], channels[1], channels[0], 3), (5, 5, 6, 6)
    shapes = []
    for i in range(4):
        shapes += [(4, 4, c[i], c[i + 1]), (c[i + 1],)]
    shapes += [(code, Z), (Z,), (code, Z), (Z,), (Z, code), (code,)]
    for i in range(4):
        shapes += [(up[i], kernels[i], kernels[i], up[i + 1]), (up[i + 1],)]
    flat = numbers(40, (sum(int(np.prod(s)) for s in shapes),), -0.4, 0.4)
    p, at = [], 0
    for s in shapes:
        size = int(np.prod(s))
        p.append(flat[at:at + size].reshape(s).clone().requires_grad_())
        at += size
    images, noise = numbers(41, (B, 64, 64, 3), 0, 1), numbers(42, (B, Z), -1.7, 1.7)
    images = images * torch.tensor([1.0, 0.25, 0.5])[:, None, None, None]

    def loss():
        x = images
        for i in range(4):
            x = F.relu(conv(x, p[2 * i], p[2 * i + 1]))
        x = x.reshape(B, code)
        mu, logvar = x @ p[8] + p[9], x @ p[10] + p[11]
        y = ((mu + torch.exp(logvar / 2) * noise) @ p[12] + p[13]).reshape(B, 1, 1, code)
        for i in range(4):
            y = deconv(y, p[14 + 2 * i], p[15 + 2 * i])
            y = F.relu(y) if i < 3 else torch.sigmoid(y)
        kl = 0.5 * (mu ** 2 + logvar.exp() - 1 - logvar).sum(1)
        if not loss.seen:
            print("kl", kl.tolist())
            assert kl.min() < floor < kl.max(), "one sample on each side of the floor"
            loss.seen = True
        reconstruction, floored = ((y - images) ** 2).sum(), kl.clamp(min=floor).sum()
        return scale * (reconstruction + floored), [reconstruction.item(), kl.sum().item(), floored.item()]

    loss.seen = False
    parts, gradient, after = adam(p, loss, 1, lr=1e-3)
    give("vae_losses", parts)
    give("vae_gradient", gradient)
    give("vae_after", after)


def rnn():
    T, B, Z, A, H, K, scale, floor, factor, reward_weight = 6, 3, 3, 2, 5, 3, 1 / 18, -0.8, 10.0, 0.7
    I, O = Z + A, 3 * Z * K + 2
    shapes = [(I + H, 4 * H), (4 * H,), (H, O), (O,)]
    flat, p, at = numbers(50, (sum(int(np.prod(s)) for s in shapes),), -1, 1), [], 0
    for s in shapes:
        size = int(np.prod(s))
        p.append(flat[at:at + size].reshape(s).clone().requires_grad_())
        at += size
    x, target, reward = numbers(51, (T, B, I), -2, 2), numbers(52, (T * B, Z), -2, 2), numbers(53, (T * B,), -1, 1)
    done = torch.tensor([1.0 if i in (4, 8, 17) else 0.0 for i in range(T * B)])
    keep, h0, c0 = torch.tensor(KEEP, dtype=torch.float64), numbers(54, (B, H), -1, 1), numbers(55, (B, H), -1, 1)

    def loss():
        h, loss.h, loss.c = lstm(x, keep, h0, c0, p[0], p[1])
        out = h.reshape(T * B, H) @ p[2] + p[3]
        z = mixture(out, target, Z, K, floor).sum()
        r = (0.5 * (out[:, -2] - reward) ** 2).sum()
        d = F.binary_cross_entropy_with_logits(out[:, -1], done, pos_weight=torch.tensor(factor), reduction="sum")
        return scale * (z + d + reward_weight * r), [z.item(), d.item(), r.item()]

    loss()
    give("rnn_h_last", loss.h)
    give("rnn_c_last", loss.c)
    parts, gradient, after = adam(p, loss, 3, lr=1e-2)
    give("rnn_losses", parts)
    give("rnn_gradient", gradient)
    give("rnn_after", after)


for make in (layers, sequence, losses, joint_loss, vae, rnn):
    make()
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "nn.h"), "w") as out:
    out.write(f"// Made by make_nn.py with PyTorch {torch.__version__.split('+')[0]}, in double. Do not edit.\n")
    out.write("#ifndef GOLDEN_NN_H\n#define GOLDEN_NN_H\n\n" + "\n".join(lines) + "\n\n#endif\n")
