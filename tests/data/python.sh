# Sourced by the tests that ask Python: $python is an interpreter with what requirements.txt names, in a virtual
# environment that is made once, in build/python-data; or DREAMFARM_PYTHON, if that is set. `no_python`: why there is none.
no_python="" python=${DREAMFARM_PYTHON:-}
if [ -z "$python" ]; then
  venv=${BUILD:-build}/python-data python=$venv/bin/python
  wanted=tests/data/requirements.txt
  mkdir -p "$venv"
  exec 9>"$venv.lock"
  ! command -v flock >/dev/null || flock 9
  if ! cmp -s $wanted "$venv/ready"; then
    if python3 -m venv "$venv" >"$venv.log" 2>&1 && "$python" -m pip install -q -r $wanted >>"$venv.log" 2>&1
    then cp $wanted "$venv/ready"
    else no_python="no Python with $wanted could be made: $(tail -n 1 "$venv.log" | cut -c1-160)"
    fi
  fi
  exec 9>&-
fi
