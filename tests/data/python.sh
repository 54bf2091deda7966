# Sourced by the tests that ask Python: $python is an interpreter with what requirements.txt names, which is put beside what
# the tests of gym:ID have made theirs with (tests/gym/prepare); or DREAMFARM_PYTHON, if that is set. `no_python`: why
# there is none.
no_python="" python=${DREAMFARM_PYTHON:-}
if [ -z "$python" ]; then
  wanted=tests/data/requirements.txt
  if python=$(tests/gym/prepare); then
    place=${python%/venv/bin/python}
    exec 9>"$place/lock"
    ! command -v flock >/dev/null || flock 9
    if ! cmp -s $wanted "$place/ready-data"; then
      if "$python" -m pip install -q -r $wanted >"$place/log-data" 2>&1
      then cp $wanted "$place/ready-data"
      else no_python="$wanted could not be installed: $(tail -n 1 "$place/log-data" | cut -c1-160)"
      fi
    fi
    exec 9>&-
  else no_python=${python#skipped: }
  fi
fi
