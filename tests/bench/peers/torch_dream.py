"""The dream step in PyTorch on one core: steps a second by batch size, eager and compiled, and the ordinary loop at batch 1."""
import torch

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


def player(one_step, batch, ask_for_the_end=False):
    controller = torch.from_numpy(controllers(case, batch))

    def play(n):
        z, h, c = torch.zeros(batch, Z), torch.zeros(batch, H), torch.zeros(batch, H)
        for _ in range(n):
            z, h, c, done = one_step(controller, z, h, c)
            if ask_for_the_end and done.any():
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
    say("torch_dream_loop_batch_1", steps_a_second(1, player(drawn, 1, ask_for_the_end=True)), "steps/s")
with torch.inference_mode():
    for batch in BATCHES:
        say(f"torch_dream_eager_batch_{batch}", steps_a_second(batch, player(drawn, batch)), "steps/s")
    try:
        fast = compiled()
        for batch in BATCHES:
            say(f"torch_dream_compiled_batch_{batch}", steps_a_second(batch, player(fast, batch)), "steps/s")
    except Exception as reason:  # no compiler, no Python headers: eager stands alone
        print(f"# torch.compile does not work here: {str(reason).strip().splitlines()[0]}", flush=True)
