"""The dream step in PyTorch on one core: steps a second by batch size, eager and compiled; and at batch 1 the loop that
one writes with the framework's own parts, as the original ran.
"""
import torch
from torch import nn
from torch.distributions import Categorical, Normal

from dream_case import BATCHES, LOG_SIGMA_FLOOR, TEMPERATURE, WEIGHTS, check, controllers, load, say, steps_a_second

torch.set_num_threads(1)
case = load()
lstm, lstm_bias, head, head_bias = (torch.from_numpy(case[name]) for name in WEIGHTS)
H = lstm.shape[1] // 4
Z = case["z"].shape[2]
K = (head.shape[1] - 2) // (3 * Z)
NOISE = TEMPERATURE**0.5


def step(controller, z, h, c, uniforms, normals):
    action = torch.tanh((controller * torch.cat([z, h, c], 1)).sum(1, keepdim=True))
    i, j, f, o = torch.addmm(lstm_bias, torch.cat([z, action, h], 1), lstm).chunk(4, 1)
    c = c * torch.sigmoid(f + 1) + torch.sigmoid(i) * torch.tanh(j)
    h = torch.tanh(c) * torch.sigmoid(o)
    out = torch.addmm(head_bias, h, head)
    logits, mu, log_sigma = (out[:, k * Z * K:(k + 1) * Z * K].view(-1, Z, K) for k in range(3))
    cumulated = torch.softmax(logits / TEMPERATURE, 2).cumsum(2)
    chosen = (uniforms.unsqueeze(2) >= cumulated[:, :, :-1]).sum(2, keepdim=True)
    mu, log_sigma = mu.gather(2, chosen).squeeze(2), log_sigma.gather(2, chosen).squeeze(2)
    z = mu + torch.exp(log_sigma.clamp(min=LOG_SIGMA_FLOOR)) * normals * NOISE
    return z, h, c, out[:, -1] > 0


def drawn(controller, z, h, c):
    return step(controller, z, h, c, torch.rand_like(z), torch.randn_like(z))


def player(one_step, batch):
    controller = torch.from_numpy(controllers(case, batch))

    def play(n):
        z, h, c = torch.zeros(batch, Z), torch.zeros(batch, H), torch.zeros(batch, H)
        for _ in range(n):
            z, h, c, done = one_step(controller, z, h, c)
    return play


class Ordinary(nn.Module):
    """The same step of ordinary modules and distributions, one dream at a time."""

    def __init__(self):
        super().__init__()
        self.lstm, self.head, self.controller = nn.LSTMCell(Z + 1, H), nn.Linear(H, head.shape[1]), nn.Linear(Z + 2 * H, 1, bias=False)
        i, j, f, o = lstm.t().chunk(4)  # PyTorch's order is i, f, j, o, and it has no + 1 of its own
        bi, bj, bf, bo = lstm_bias.chunk(4)
        weight, bias = torch.cat([i, f, j, o]), torch.cat([bi, bf + 1, bj, bo])
        values = {"lstm.weight_ih": weight[:, :Z + 1], "lstm.weight_hh": weight[:, Z + 1:], "lstm.bias_ih": bias,
                  "lstm.bias_hh": torch.zeros_like(bias), "head.weight": head.t(), "head.bias": head_bias,
                  "controller.weight": torch.from_numpy(case["controller"][:1])}
        self.load_state_dict(values)

    def forward(self, z, h, c):
        action = torch.tanh(self.controller(torch.cat([z, h, c], 1)))
        h, c = self.lstm(torch.cat([z, action], 1), (h, c))
        out = self.head(h)
        logits, mu, log_sigma = out[:, :3 * Z * K].view(-1, 3, Z, K).unbind(1)
        chosen = Categorical(logits=logits / TEMPERATURE).sample().unsqueeze(2)
        sigma = torch.exp(log_sigma.gather(2, chosen).squeeze(2).clamp(min=LOG_SIGMA_FLOOR))
        z = Normal(mu.gather(2, chosen).squeeze(2), sigma * NOISE).sample()
        return z, h, c, out[:, -1]


def ordinary_loop():
    world = Ordinary()
    start = [torch.from_numpy(case[name][0][:1]) for name in ("z", "h", "c")]
    _, h, c, _ = world(*start)
    worst = max(float((mine - torch.from_numpy(case[name][1][:1])).abs().max()) for name, mine in (("h", h), ("c", c)))
    assert worst < 1e-4, f"the ordinary loop is {worst:.3g} from dreamfarm's step"

    def play(n):
        z, h, c = start
        for _ in range(n):
            z, h, c, done = world(z, h, c)
            if done.item() > 0:
                break
    return play


def compiled():
    torch._dynamo.reset()
    fast = torch.compile(drawn, dynamic=False)
    fast(torch.from_numpy(controllers(case, 2)), torch.zeros(2, Z), torch.zeros(2, H), torch.zeros(2, H))
    return fast


with torch.no_grad():
    written = torch.from_numpy(case["controller"])
    check(case, lambda *state: [x.numpy() for x in step(written, *map(torch.as_tensor, state))])
    say("torch_dream_loop_batch_1", steps_a_second(1, ordinary_loop()), "steps/s")
with torch.inference_mode():
    for batch in BATCHES:
        say(f"torch_dream_eager_batch_{batch}", steps_a_second(batch, player(drawn, batch)), "steps/s")
    try:
        fast = compiled()
        for batch in BATCHES:
            say(f"torch_dream_compiled_batch_{batch}", steps_a_second(batch, player(fast, batch)), "steps/s")
    except Exception as reason:  # no compiler, no Python headers: eager stands alone
        print(f"# torch.compile does not work here: {str(reason).strip().splitlines()[0]}", flush=True)
