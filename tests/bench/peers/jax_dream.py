"""The dream step in JAX on one core, jit over a scan of many steps: steps a second by batch size, with JAX's two generators."""
import os

os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false " + os.environ.get("XLA_FLAGS", "")
import jax
import jax.numpy as jnp

from dream_case import BATCHES, LOG_SIGMA_FLOOR, TEMPERATURE, WEIGHTS, check, controllers, load, say, steps_a_second

STEPS = 16  # of a scan
case = load()
lstm, lstm_bias, head, head_bias = (jnp.asarray(case[name]) for name in WEIGHTS)
H = lstm.shape[1] // 4
Z = case["z"].shape[2]
K = (head.shape[1] - 2) // (3 * Z)
NOISE = TEMPERATURE**0.5


def step(controller, z, h, c, uniforms, normals):
    action = jnp.tanh((controller * jnp.concatenate([z, h, c], 1)).sum(1, keepdims=True))
    i, j, f, o = jnp.split(jnp.concatenate([z, action, h], 1) @ lstm + lstm_bias, 4, 1)
    c = c * jax.nn.sigmoid(f + 1) + jax.nn.sigmoid(i) * jnp.tanh(j)
    h = jnp.tanh(c) * jax.nn.sigmoid(o)
    out = h @ head + head_bias
    logits, mu, log_sigma = (out[:, k * Z * K:(k + 1) * Z * K].reshape(-1, Z, K) for k in range(3))
    cumulated = jnp.cumsum(jax.nn.softmax(logits / TEMPERATURE, 2), 2)
    chosen = (uniforms[:, :, None] >= cumulated[:, :, :-1]).sum(2, keepdims=True)
    mu, log_sigma = (jnp.take_along_axis(x, chosen, 2)[:, :, 0] for x in (mu, log_sigma))
    z = mu + jnp.exp(jnp.maximum(log_sigma, LOG_SIGMA_FLOOR)) * normals * NOISE
    return z, h, c, out[:, -1] > 0


@jax.jit
def scan(controller, state, key):
    def one(carry, _):
        (z, h, c), key = carry
        key, for_uniforms, for_normals = jax.random.split(key, 3)
        z, h, c, done = step(controller, z, h, c, jax.random.uniform(for_uniforms, z.shape), jax.random.normal(for_normals, z.shape))
        return ((z, h, c), key), done
    return jax.lax.scan(one, (state, key), None, length=STEPS)


def player(batch, generator):
    controller = jnp.asarray(controllers(case, batch))
    start = jnp.zeros((batch, Z)), jnp.zeros((batch, H)), jnp.zeros((batch, H))

    def play(scans):
        state, key = start, jax.random.key(1, impl=generator)
        for _ in range(scans):
            (state, key), done = scan(controller, state, key)
        jax.block_until_ready((state, done))
    return play


written, once = jnp.asarray(case["controller"]), jax.jit(step)
with jax.default_matmul_precision("highest"):
    check(case, lambda *state: once(written, *state))
for generator in ("threefry2x32", "rbg"):
    for batch in BATCHES:
        say(f"jax_dream_{generator}_batch_{batch}", steps_a_second(STEPS * batch, player(batch, generator)), "steps/s")
