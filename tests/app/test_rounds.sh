#!/usr/bin/env bash
# Rounds: each collects with the controller before it, goes on from its V, M and search, and may be killed at any moment.
# What is complete is kept; what a round began from decides what it makes.
set -u
. tests/checks.sh
MPIRUN=${MPIRUN:-mpirun}
export TMPDIR=$dir OMPI_MCA_btl_vader_backing_directory=$dir
sizes="--set run.rounds=3 --set round.episodes=7 --set round.vae_frames=400 --set round.rnn_epochs=2
  --set round.generations=3 --set dream.end=expected --set dream.first=0.1 --set vae.weight_moving=0.2
  --set rnn.own_samples=0.5 --set vae.frames=400 --set fidelity.episodes=4 --set evaluate.episodes=10"
rounds() { "$program" run tests/app/tiny.yaml --quiet $sizes --set run.directory="$dir/$1" "${@:2}"; } # NAME
farmed() { $MPIRUN -n 3 "$program" run tests/app/tiny.yaml --quiet $sizes --set run.directory="$dir/$1" "${@:2}"; }
started() { exec setsid "$program" run tests/app/tiny.yaml --quiet $sizes --set run.directory="$dir/$1"; }
same_round() { # NAME NAME ROUND
  local a=$dir/$1/round-$3 b=$dir/$2/round-$3 f
  diff -r "$a/episodes" "$b/episodes" && diff -r "$a/latents" "$b/latents" || return 1
  for f in vae rnn controller; do cmp "$a/$f.safetensors" "$b/$f.safetensors" || return 1; done
  cmp "$a/fidelity.json" "$b/fidelity.json" && cmp "$a/evaluate.json" "$b/evaluate.json" && same_rows "$a/run.csv" "$b/run.csv"
}
same_rounds() { same_round "$1" "$2" 1 && same_round "$1" "$2" 2 && same_round "$1" "$2" 3; }

check "three rounds" rounds whole
check "each has a judgement" test -s "$dir/whole/round-3/evaluate.json"
check "later rounds collect what they are told to" grep -q '"total_episodes": 7' "$dir/whole/round-2/episodes/metadata.json"
check "with the controller before" grep -q 'controller of round 1' "$dir/whole/round-2/episodes/metadata.json"
check "again: all is complete" rounds whole
check "a row for each" test "$(wc -l <"$dir/whole/rounds.csv")" = 4
check "counts real episodes" test "$(cells "$dir/whole/rounds.csv" real_episodes | tr '\n' ' ')" = "24 43 62 "
collected() { sed -n 's/.*"total_steps": \([0-9]*\).*/\1/p' "$dir/whole/round-$1/episodes/metadata.json"; } # ROUND
looked_at() { cells "$dir/whole/round-$1/run.csv" real_steps | awk '{ sum += $1 } END { print sum }'; } # ROUND
check "and real steps" test "$(cells "$dir/whole/rounds.csv" real_steps | head -n 2 | tr '\n' ' ')" = \
  "$(($(collected 1) + $(looked_at 1))) $(($(collected 1) + $(looked_at 1) + $(collected 2) + $(looked_at 2))) "
measured() { # NAME KEY...: that number of each round's fidelity.json
  python3 -c 'import functools, json, sys
for i in "123":
    measured = json.load(open(f"{sys.argv[1]}/round-{i}/fidelity.json"))
    print("%.9g" % functools.reduce(dict.get, sys.argv[2:], measured))' "$dir/$1" "${@:2}"
}
check "each round's fidelity" \
  test "$(cells "$dir/whole/rounds.csv" dream_over_real)" = "$(measured whole survival controller ratio)"
check "and its ranking" \
  test "$(cells "$dir/whole/rounds.csv" rank_correlation)" = "$(measured whole ranking correlation)"
check "and its choices" test "$(cells "$dir/whole/rounds.csv" wrong_choices)" = "$(measured whole choices wrong mean)"
check "a picture of all" test -s "$dir/whole/report/rounds.png"
film() { "${BUILD:-build}/tests/data/test_film" "$dir/$1" && "${BUILD:-build}/tests/app/test_draw" "$dir/$1" "${@:2}"; }
check "a film of all" film whole/report/rounds-film.png "round 1" "round 2" "round 3" reality dream "step 0"
check "and films of each" film whole/round-2/report/film-controller.png reality dream
check "progress is the whole run's" grep -q '"round": 3' "$dir/whole/progress.json"
check "a round is another search" test "$(tail -n1 "$dir/whole/round-1/run.csv")" != "$(tail -n1 "$dir/whole/round-2/run.csv")"

# Verbs that look on take the last round; a stage alone would not know what it begins from.
other() { "$program" "$1" tests/app/tiny.yaml --quiet $sizes --set run.directory="$dir/$2" "${@:3}"; } # VERB NAME
check "evaluate takes the last" other evaluate whole --in dream
check "and writes there" test -s "$dir/whole/round-3/evaluate-dream.json"
rm -r "$dir/whole/report"
check "report of the first alone" other report whole --round 1
check "is not of all" test ! -e "$dir/whole/report"
check "report of the last" other report whole
check "and of all, with a strip of each" \
  test -s "$dir/whole/report/rounds.png" -a -s "$dir/whole/report/rounds-dream-and-real.png"
check "report elsewhere" other report whole --out "$dir/elsewhere"
check "has the scripts of the round and of all" grep -q "set output 'evolve.png'" "$dir/elsewhere/report/curves.gp"
check "each by its name" grep -q "set output 'rounds.png'" "$dir/elsewhere/report/rounds.gp"
check "nothing is made above the rounds" test ! -e "$dir/whole/report/evolve.png" -a ! -e "$dir/whole/evaluate-dream.json"
check "a stage alone is refused" exits 3 "depends on the round before" other evolve whole
check "baselines need no round" other evaluate early --policy still --set evaluate.episodes=4
check "nor the one that is named" other evaluate early --policy still --set evaluate.episodes=4 --round 2
check "and say what they reached" \
  test -s "$dir/early/round-1/evaluate-policies.json" -a -s "$dir/early/round-2/evaluate-policies.json"
check "no round yet" exits 6 "no round with a controller" other report nowhere

# A round that is named is looked at, and by run --fresh made anew; those before stay, what follows is made anew where
# it comes to be another.
stamps() { (cd "$dir/$1" && find "${@:2}" -type f -exec stat -c '%n %i %y' {} + | sort); } # NAME FOLDER...
check "evaluate takes the first" other evaluate whole --in dream --round 1
check "and writes there" test -s "$dir/whole/round-1/evaluate-dream.json"
check "a round that there is not" exits 2 "run.rounds is 3" other evaluate whole --round 4
check "no number of a round" exits 2 "--round x" other report whole --round x
cp -rp "$dir/whole" "$dir/anew2"
stamps anew2 round-1 round-3/vae.safetensors round-3/run.csv round-3/controller.safetensors >"$dir/before"
stamps anew2 round-2/vae.safetensors round-2/rnn.safetensors round-2/run.csv >"$dir/before2"
check "the second anew" rounds anew2 --fresh --round 2
stamps anew2 round-1 round-3/vae.safetensors round-3/run.csv round-3/controller.safetensors >"$dir/after"
stamps anew2 round-2/vae.safetensors round-2/rnn.safetensors round-2/run.csv >"$dir/after2"
check "leaves the others untouched" cmp "$dir/before" "$dir/after"
check "is made" test "$(comm -12 "$dir/before2" "$dir/after2" | wc -l)" = 0
check "has the same bytes" same_rounds whole anew2
check "an earlier round with others is refused" exits 5 "round.noise" \
  rounds anew2 --fresh --round 3 --set round.noise=0.2
check "the second and what follows with others" rounds anew2 --fresh --round 2 --set round.noise=0.2
stamps anew2 round-1 >"$dir/after"
check "leaves the first untouched" cmp <(grep round-1 "$dir/before") "$dir/after"
check "and makes the third anew" exits 1 differ \
  cmp "$dir/whole/round-3/controller.safetensors" "$dir/anew2/round-3/controller.safetensors"
rm "$dir/anew2/round-1/evaluate.json"
check "what it begins from must be there" exits 6 "evaluate of round 1" \
  rounds anew2 --fresh --round 2 --set round.noise=0.2

# The newest weighted: longer epochs of V and M on the same episodes. The first round knows nothing of it.
trained() { tail -n 1 "$1/train_rnn.csv" | cut -d, -f2; }
cp -r "$dir/whole" "$dir/heavy"
check "the newest weighted" rounds heavy --fresh --round 2 \
  --set round.newest=4 --set run.rounds=2 --set fidelity.episodes=0
check "the same first round" cmp "$dir/whole/round-1/rnn.safetensors" "$dir/heavy/round-1/rnn.safetensors"
check "the same episodes" diff -r "$dir/whole/round-2/episodes" "$dir/heavy/round-2/episodes"
check "more steps of M" test "$(trained "$dir/heavy/round-2")" -gt "$(trained "$dir/whole/round-2")"
check "the mark says so" grep -q "decides round.newest: 4" "$dir/heavy/round-2/stages/train-vae"
check "not of the first" test -z "$(grep round.newest "$dir/heavy/round-1/stages/train-vae")"

# One round is a run of its own, with the same bytes.
check "one round alone" rounds one --set run.rounds=1
mkdir -p "$dir/alone" && mv "$dir/one" "$dir/alone/round-1"
check "is the first of several" same_round whole alone 1

# Killed on its way from round to round: soon after each of these files is there. SEED chooses how soon.
RANDOM=${SEED:-1} kills=0
for file in round-1/evaluate.json round-2/episodes/metadata.json round-2/vae.safetensors round-2/run.csv \
    round-2/report/curves.gp round-3/stages/collect round-3/rnn.safetensors round-3/stages/evolve; do
  (started killed) >"$dir/log" 2>&1 & job=$!
  while [ ! -e "$dir/killed/$file" ] && kill -0 $job 2>/dev/null; do sleep 0.02; done
  sleep "$(awk "BEGIN{print $RANDOM / 32768 * 0.3}")"
  ! kill -9 $job 2>/dev/null || kills=$((kills + 1))
  wait $job 2>/dev/null
done
check "it was killed some times" test $kills -ge 6
check "it came through" rounds killed
check "the same bytes after $kills kills" same_rounds whole killed

# Episodes of a controller are the same at any number of ranks.
from_first() { cp -r "$dir/whole" "$dir/$1" && rm -r "$dir/$1/round-2" "$dir/$1/round-3"; } # NAME
from_first wide
check "other ranks go on" farmed wide --set run.rounds=2
check "with the same episodes" diff -r "$dir/whole/round-2/episodes" "$dir/wide/round-2/episodes"

# A later round depends on the earlier; an earlier one not on the later.
check "another first round is refused" exits 5 "evolve.sigma0" rounds whole --set evolve.sigma0=0.3
from_first later
check "other later rounds leave the first alone" rounds later --set round.generations=2 --set run.rounds=2
check "the same first round" same_round whole later 1

# Where the stage is left out nothing is said of it; where a search's dreams are like real episodes, its scores have the
# ratio that stands beside them.
alike="--set run.rounds=2 --set fidelity.episodes=0 --set dream.end=sampled --set dream.first=1 --set dream.cap=0
  --set evolve.held_out_every=1 --set evolve.generations=1 --set round.generations=1 --set evolve.held_out_episodes=400
  --set evolve.real_episodes=200"
check "without fidelity" rounds alike $alike
none() { [ "$(cells "$dir/alike/rounds.csv" "$1" | sort -u)" = nan ]; } # COLUMN
check "no ratio of it" none dream_over_real
check "and no correlation" none rank_correlation
first() { cells "$dir/alike/round-1/run.csv" "$1" | head -n 1; } # COLUMN
of_scores() { # what the ratio is, where dreams are as long as real episodes
  awk "BEGIN {r = $(first ratio) * $(first real) / $(first held_out); print r; exit !(r > 0.8 && r < 1.25)}"
}
check "the ratio of the scores" of_scores
check "no real episodes, no ratio" rounds blind $alike --set run.rounds=1 --set evolve.real_episodes=0
check "its cell is empty" test -z "$(cells "$dir/blind/run.csv" ratio)"

# V may stay, M and the search may begin anew.
from_first still; from_first anew
check "V stays" rounds still --set round.vae_frames=0 --set run.rounds=2
check "as it was" cmp "$dir/still/round-1/vae.safetensors" "$dir/still/round-2/vae.safetensors"
check "M and the search anew" rounds anew --set round.warm=false --set run.rounds=2

# States, too: M goes on with the scale that it was begun with.
chooses="--set environment.name=cartpole_swingup --set dream.reward=head --set evolve.best=real
  --set evaluate.controller=best --set evolve.held_out_every=1"
check "cart-pole" rounds pole $chooses
check "its rounds" test -s "$dir/pole/round-3/evaluate.json"
check "its strips" test -s "$dir/pole/report/rounds-dream-and-real.png"

# The run's controller: the best of all rounds by the search's real episodes where these choose, else the last round's.
best_round() { # NAME
  for i in 1 2 3; do cells "$dir/$1/round-$i/run.csv" real | sed "s/^/$i /"; done | grep -v nan | sort -k2 -g |
    tail -n 1 | cut -d' ' -f1
}
chosen() { awk -F, 'NR > 1 && $NF == 1 { print $1 }' "$dir/$1/rounds.csv"; } # NAME
check "the best of the rounds" test "$(chosen pole)" = "$(best_round pole)"
check "by its best mean" \
  test "$(cells "$dir/pole/rounds.csv" best_mean | sort -g | tail -n 1)" = \
  "$(cells "$dir/pole/round-$(chosen pole)/run.csv" real | sort -g | tail -n 1)"
check "evaluate takes it" other evaluate pole $chooses --in dream
check "and writes there, too" test -s "$dir/pole/round-$(chosen pole)/evaluate-dream.json"
check "without a choice it is the last" test "$(chosen whole)" = 3

# A strip more is a band more.
height() { od -An -tu1 -j20 -N4 "$dir/$1/report/rounds-dream-and-real.png" | awk '{print $3 * 256 + $4}'; }
check "three bands, or two" test "$(height whole)" -gt "$(($(height still) + 300))"

check "rounds that do not fit are refused" exits 3 "round.learning_rate" rounds none --set round.learning_rate=1e-7
end
