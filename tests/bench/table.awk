# The table of ratios from lines `name value unit`, and the same as JSON into the file named by `json`. Each row: a key, what is
# measured, the ratio, the bar it is held against, and the figures behind it. A row without its figures is said to be not measured
# and is left out of the JSON.

NF >= 2 && $1 !~ /^#/ {
  if (!($1 in f) || ($1 ~ /^best_/ && $2 > f[$1]) || ($1 ~ /^encoder_.*_ms$/ && $2 < f[$1])) f[$1] = $2  # before and after the peers
  if ($1 ~ /^torch_dream_(eager|compiled)_/ && $2 > torch) { torch = $2; torch_name = $1 }
  if ($1 ~ /^jax_dream_/ && $2 > jax) { jax = $2; jax_name = $1 }
}

function thousands(x,  s, out) {
  for (s = sprintf("%.0f", x); length(s) > 3; s = substr(s, 1, length(s) - 3)) out = "," substr(s, length(s) - 2) out
  return s out
}
function steps(x) { return thousands(x) " steps/s" }
function figure(name) { return name in f ? f[name] : 0 }
function short(name) { sub(/^(torch|jax)_dream_/, "", name); gsub(/_/, " ", name); return name }
function line(what, ratio, bar, met, words) { printf("%-64s %8s  %7s  %-8s %s\n", what, ratio, bar, met, words) }
# ours and theirs: absolute figures, 0 where they are missing. The bar as text, so that it is printed as it was set.
function row(key, what, ours, theirs, ratio, bar, words) {
  if (!ours || !theirs) { line(what, "-", ">= " bar, "-", "not measured"); return }
  line(what, sprintf("%.3f", ratio), ">= " bar, (ratio >= bar + 0) ? "met" : "not met", words)
  members = members sprintf("%s  \"%s\": %.4g", members ? ",\n" : "", key, ratio)
}
# Measured turn and turn about with sgemm.
function sgemm_row(key, what, name, mflop, bar,  rate) {
  rate = figure("beside_sgemm_" name "_steps_per_second")
  row(key, what, rate, rate, figure("beside_sgemm_" name "_ratio"), bar, sprintf("%s of %.3f MFLOP; sgemm %.1f GFLOP/s", steps(rate), mflop, figure("beside_sgemm_" name "_gflops")))
}
function peer_row(key, what, rate, peer, bar, name) {
  row(key, what, rate, peer, peer ? rate / peer : 0, bar, sprintf("%s; theirs %s (%s)", steps(rate), steps(peer), short(name)))
}
function time_row(key, what, ours, theirs, bar,  a, b) {
  a = figure(ours); b = figure(theirs)
  row(key, what, a, b, a ? b / a : 0, bar, sprintf("%.4g ms; theirs %.4g ms", a, b))
}
# What is left of a batch beside the environment itself.
function gym_row(  all, alone) {
  all = figure("gym_empty_round_trip"); alone = figure("gym_empty_alone")
  row("gym_round_trip", "20 us over the way there and back of an empty batch", all, alone, all > alone ? 20 / (all - alone) : 0, "1.0", sprintf("%.3g us; the environment itself %.3g us", all, alone))
}
function allocations_row(  name) {
  name = "allocations_between_reset_and_score"
  if (!(name in f)) { line("allocations between reset and score", "-", "0", "-", "not measured"); return }
  line("allocations between reset and score", f[name], "0", f[name] == 0 ? "met" : "not met", "in " figure("allocations_episodes_watched") " episodes with refills")
  members = members sprintf("%s  \"%s\": %d", members ? ",\n" : "", name, f[name])
}

END {
  fp32 = figure("best_lanes_256_steps_per_second")
  bf16 = figure("best_bf16_lanes_256_steps_per_second")
  one = figure("ranks_1_steps_per_second"); two = figure("ranks_2_steps_per_second")
  print ""
  line("what", "ratio", "bar", "", "behind it")
  sgemm_row("dream_over_sgemm_lanes_256", "whole dream step, fp32, 256 lanes, over the best sgemm", "lanes_256", 3.354, "0.95")
  sgemm_row("dream_over_sgemm_lanes_16", "the same at 16 lanes", "lanes_16", 3.354, "0.80")
  sgemm_row("dream_bf16_over_sgemm_lanes_256", "the same in bf16, 256 lanes", "bf16_lanes_256", 3.354, "1.7")
  peer_row("dream_over_torch", "fp32, 256 lanes, over PyTorch's best batch", fp32, torch, "1.8", torch_name)
  peer_row("dream_bf16_over_torch", "bf16, 256 lanes, over PyTorch's best batch", bf16, torch, "2.8", torch_name)
  peer_row("dream_over_jax", "fp32, 256 lanes, over JAX's best batch", fp32, jax, "1.5", jax_name)
  peer_row("dream_over_batch_1", "fp32, 256 lanes, over the ordinary PyTorch loop at batch 1", fp32, figure("torch_dream_loop_batch_1"), "15", "batch 1")
  sgemm_row("dream_carracing_over_sgemm_lanes_256", "CarRacing size (z 32, hidden 256, 3 actions), 256 lanes", "carracing_lanes_256", 0.846, "0.85")
  row("two_ranks_over_one", "two ranks on two cores over one", two, one, figure("ranks_2_over_1"), "1.9", steps(two) "; one " steps(one))
  allocations_row()
  time_row("vae_training_step_over_torch", "VAE training step, batch 100, over PyTorch", "vae_training_step_ms", "torch_vae_training_step_ms", "1.0")
  time_row("rnn_training_step_over_torch", "MDN-RNN training step, batch 100 x 500, over PyTorch", "rnn_training_step_ms", "torch_rnn_training_step_ms", "1.0")
  time_row("encoder_over_torch", "VAE encoder, batch 64, over PyTorch", "encoder_batch64_ms", "torch_encoder_batch64_ms", "1.2")
  gym_row()
  peer_row("gym_over_vector", "CartPole through Python, 16 lanes, over Gymnasium's own", figure("gym_cartpole_frames"), figure("gym_vector_cartpole_frames"), "0.9", "sync vector")
  time_row("cma_ask_tell_over_pycma", "CMA-ES ask + tell, n = 1088, popsize 64, over pycma", "es_ask_tell_n1088_popsize64", "pycma_ask_tell_ms", "5")
  printf("%s\n", members ? "{\n" members "\n}" : "{}") >json
}
