#!/usr/bin/env bash
# The files of src/es call each other downwards alone: door > restarts > one search > leaves (src/es/parts.h).
set -u
. tests/checks.sh
objects=("${program%/*}"/src/es/*.o)

# "user definer" for each name that one file wants and another has; tsort says where they go round.
nm -A "${objects[@]}" | sed 's|^.*/\([^/:]*\)\.o:\(.*\)$|\1 \2|' >"$dir/names"
awk 'NR == FNR { if ($NF != "" && $(NF - 1) ~ /^[TDRB]$/) home[$NF] = $1; next }
     $(NF - 1) == "U" && $NF in home && home[$NF] != $1 { print $1, home[$NF] }' "$dir/names" "$dir/names" >"$dir/pairs"
check "the files call each other" test "$(wc -l <"$dir/pairs")" -gt 20
check "and never in a circle" bash -c "tsort '$dir/pairs' >'$dir/order' || { cat '$dir/order'; false; }"
check "the door is above restarts, these above one search" test "$(grep -xE 'es|restarts|search' "$dir/order" | tr '\n' ' ')" = "es restarts search "
end
