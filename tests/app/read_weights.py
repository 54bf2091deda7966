"""V, M and the controller of a run in PyTorch: read_weights.py RUN [RECORD]. docs/weights.md says what is what. With a
RECORD (build/tests/app/test_weights RUN RECORD) it does again what the program did, and fails where that differs."""
import re, sys, torch, torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import load_file

class Run:
    def __init__(self, run):
        self.m, self.c = load_file(f"{run}/rnn.safetensors"), load_file(f"{run}/controller.safetensors")["mean"]
        self.meta = safe_open(f"{run}/rnn.safetensors", "pt").metadata()
        self.v = load_file(f"{run}/vae.safetensors") if self.meta["vae"] != "none" else None
        self.Z, self.A, self.H, self.K = (int(self.meta[k]) for k in ("latent", "actions", "hidden", "mixtures"))
        section = re.search(r"(?m)^controller:\n((?: .*\n)+)", open(f"{run}/config.yaml").read())[1]
        c = dict(re.findall(r"(\w+): (\w+)", section))
        self.features, self.units, self.bias = c["features"], int(c["hidden"]), c["bias"] == "true"
    def look(self, x):                                # observations -> mu, logvar
        if self.v is None: return (x - self.m["latent.offset"]) * self.m["latent.scale"], None
        x = x.reshape(-1, 64, 64, 3).permute(0, 3, 1, 2) / 255.0
        for k in (f"encoder.conv{i}." for i in "1234"):
            x = F.relu(F.conv2d(x, self.v[k + "weight"].permute(3, 2, 0, 1), self.v[k + "bias"], stride=2))
        x = x.permute(0, 2, 3, 1).flatten(1)          # rows, columns, channels
        return [x @ self.v[f"encoder.{k}.weight"] + self.v[f"encoder.{k}.bias"] for k in ("mu", "logvar")]
    def imagine(self, z):                             # latents -> observations
        if self.v is None: return z / self.m["latent.scale"] + self.m["latent.offset"]
        x = (z @ self.v["decoder.fc.weight"] + self.v["decoder.fc.bias"])[:, :, None, None]
        for k in (f"decoder.deconv{i}." for i in "1234"):
            x = F.conv_transpose2d(x, self.v[k + "weight"].permute(0, 3, 1, 2), self.v[k + "bias"], stride=2)
            x = torch.sigmoid(x) if "4" in k else F.relu(x)
        return x.permute(0, 2, 3, 1).flatten(1)
    def remember(self, z, a, h, c):                   # one step of the LSTM -> h, c
        i, j, f, o = (torch.cat([z, a, h], 1) @ self.m["lstm.weight"] + self.m["lstm.bias"]).chunk(4, 1)
        c = c * torch.sigmoid(f + 1) + torch.sigmoid(i) * torch.tanh(j)
        return torch.tanh(c) * torch.sigmoid(o), c
    def expect(self, z, h):                           # -> logits, mean, log sigma (n, Z, K); reward; the end's logit
        y, n = h @ self.m["head.weight"] + self.m["head.bias"], self.Z * self.K
        if self.meta.get("mixture") == "joint":       # the same logits for all latents
            logits = y[:, None, :self.K].expand(-1, self.Z, -1)
            mean, s = y[:, self.K:-2].reshape(-1, self.K, 2, self.Z).permute(0, 3, 1, 2).unbind(3)
        else: logits, mean, s = (y[:, i * n:(i + 1) * n].reshape(-1, self.Z, self.K) for i in range(3))
        if self.meta.get("predicts") == "change": mean = mean + z[:, :, None]
        return logits, mean, s.clamp(min=float(self.meta["log_sigma_floor"])), y[:, -2], y[:, -1]
    def act(self, z, h, c):
        x, at = torch.cat([z] + [h] * ("h" in self.features) + [c] * self.features.endswith("c"), 1), 0
        for units in ([self.units] if self.units else []) + [self.A]:
            w = self.c[at:at + units * (x.shape[1] + self.bias)].reshape(units, -1)
            at, x = at + w.numel(), torch.tanh(F.linear(x, w[:, :x.shape[1]], w[:, -1] if self.bias else None))
        return x

if __name__ == "__main__" and len(sys.argv) > 2:
    run, r = Run(sys.argv[1]), load_file(sys.argv[2])
    tau = float(safe_open(sys.argv[2], "pt").metadata()["temperature"])
    (mu, logvar), (h, c) = run.look(r["observation"]), run.remember(r["z"][:-1], r["action"], r["h"][:-1], r["c"][:-1])
    logits, mean, s, reward, end = run.expect(r["z"][:-1], h)
    drawn = mean + s.exp() * tau ** 0.5 * r["noise"][:, :, None]                  # of each component
    near, k = (drawn - r["z"][1:, :, None]).abs().min(2)
    best, order = torch.cat([logits, torch.full_like(logits[:, :, :1], -1e9)], 2).topk(2, 2)
    sure = best[:, :, 0] - best[:, :, 1] > 50 * tau   # so cold that there only the likeliest can have been drawn
    alike = {"ends": ((end > 0) == r["done"][:, 0].bool()).all(), "components": (order[:, :, 0] == k)[sure].all(),
             "sure": sure.float().mean() > 0.1}
    action = run.act(r["z"][:-1], r["h"][:-1], r["c"][:-1])
    pairs = {"mu": mu, "logvar": logvar, "imagined": run.imagine(mu), "action": action, "h": h, "c": c,
             "reward": reward[:, None]}
    off = {n: float((x - r[n][-len(x):]).abs().max()) for n, x in pairs.items() if x is not None}
    off["z"] = float(near.max())
    print("largest differences:", off, "alike:", {n: bool(x) for n, x in alike.items()})
    sys.exit(max(off.values()) > 1e-4 or not all(alike.values()))
