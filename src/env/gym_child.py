"""Somebody else's environment, for the program that started this one: steps its lanes in lockstep, batch by batch.

Standard input is a socket: one byte asks for a batch, one byte says that it is done. The batch itself lies in memory
that both share, open as descriptor 3; how it is laid out stands in src/env/gym_child.h. Standard output and error are
the environment's to print to. Needs Python 3.8, Gymnasium and NumPy.

Arguments: the id, then what a configuration says under `environment`: options, wrappers, observation ("" where it says
nothing), frame_skip and the most numbers that an observation or an action may have.
"""

import ctypes
import importlib
import json
import mmap
import os
import signal
import socket
import sys
import traceback

LANES, COUNT, AT, TEXT_SIZE, BATCH, SEEDS, FLAGS, REWARDS, ACTIONS, OBSERVATIONS = range(10)
HEAD_BYTES, TEXT_BYTES = 4096, 61440
RESET, STEP = 1, 2
TERMINATED, TRUNCATED, FAILED = 1, 2, 4
MEMORY = 3


class Refused(Exception):
    """The configuration asks for what cannot be: said in one sentence, without a traceback."""


# --- where it lives ---------------------------------------------------------------------------------------------------
def dies_with_its_parent():
    """A process that an environment forks ends with this one."""
    try:
        ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG
    except (OSError, AttributeError):
        pass


def dies_first():
    """Where a machine's memory is at its end the kernel is to end this process, which is started anew, not its rank."""
    try:
        with open("/proc/self/oom_score_adj", "w") as score:
            score.write("500")
    except OSError:
        pass


def leash_take():
    """The socket, out of the way of environments that read standard input or fork."""
    leash = socket.socket(fileno=os.dup(0))
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.close(nowhere)

    def forked():
        dies_with_its_parent()
        leash.close()

    os.register_at_fork(after_in_child=forked)
    return leash


def memory_map(size):
    """What is shared with the rank, and with nobody that an environment forks: such a one must not answer for us."""
    memory = mmap.mmap(MEMORY, size)
    memory.madvise(mmap.MADV_DONTFORK)
    return memory


def words_put(memory, words):
    """The end of what is said is what counts: of a traceback the error itself."""
    said = words.encode("utf-8", "replace")[-(TEXT_BYTES - 1):]
    memory[HEAD_BYTES:HEAD_BYTES + len(said) + 1] = said + b"\0"
    memoryview(memory).cast("q")[TEXT_SIZE] = len(said)


# --- observations -----------------------------------------------------------------------------------------------------
class Picture:
    """Bytes as the environment draws them; brought to size by whoever reads them."""

    def __init__(self, space):
        self.space, self.shape, self.dtype = space, space.shape, numpy.dtype(numpy.uint8)
        self.rows, self.columns = space.shape[:2]
        self.channels = space.shape[2] if len(space.shape) == 3 else 1
        self.size = self.bytes = self.rows * self.columns * self.channels

    def place(self, row):
        return row.reshape(self.shape)

    def put(self, place, seen):
        if not isinstance(seen, numpy.ndarray) or seen.shape != self.shape or seen.dtype != self.dtype:
            raise ValueError(f"an observation of {kind_of(seen)}, where its space is {self.space}")
        place[...] = seen


class Numbers:
    """One part of a state: numbers as they are, or choices as one-hot."""

    def __init__(self, space):
        self.space, self.shape, self.dtype = space, getattr(space, "shape", ()), space.dtype
        self.choices = None
        if isinstance(space, spaces.Discrete):
            self.choices, self.start = numpy.array([space.n]), numpy.array([space.start])
        elif isinstance(space, spaces.MultiDiscrete):
            self.choices = space.nvec.reshape(-1)
            self.start = numpy.asarray(getattr(space, "start", numpy.zeros_like(space.nvec))).reshape(-1)
        if self.choices is not None:
            self.ends = numpy.cumsum(self.choices)
            self.size = int(self.ends[-1])
        else:
            self.size = int(numpy.prod(self.shape))

    def place(self, row):
        return row.reshape(self.shape) if self.choices is None else row

    def put(self, place, seen):
        seen = numpy.asarray(seen)
        fits = seen.dtype == self.dtype or numpy.can_cast(seen.dtype, self.dtype, "same_kind")
        if seen.shape != self.shape or not fits:
            raise ValueError(f"an observation of {kind_of(seen)}, where its space is {self.space}")
        if self.choices is None:
            place[...] = seen
            return
        chosen = seen.reshape(-1) - self.start
        if (chosen < 0).any() or (chosen >= self.choices).any():
            raise ValueError(f"an observation of {seen}, where its space is {self.space}")
        place[:] = 0
        place[self.ends - self.choices + chosen] = 1


def kind_of(seen):
    if not isinstance(seen, numpy.ndarray):
        return f"type {type(seen).__name__}"
    return f"shape {seen.shape} and dtype {seen.dtype}"


def is_picture(space):
    shape = getattr(space, "shape", None) or ()
    plain = isinstance(space, spaces.Box) and space.dtype == numpy.uint8
    return plain and (len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3)))


def is_numbers(space):
    return isinstance(space, (spaces.Box, spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary))


class Eye:
    """What of an observation is seen, and how it gets into shared memory."""

    def __init__(self, space, keys, most):
        self.keys = None
        if isinstance(space, spaces.Dict):
            self.keys = [k.strip() for k in keys.split(",")] if keys else list(space.spaces)
            for key in self.keys:
                if key not in space.spaces:
                    raise Refused(f'environment.observation: there is no "{key}"; it shows {space}')
        elif keys:
            raise Refused(f'environment.observation is "{keys}", but it shows no dictionary: {space}')
        seen = [space.spaces[k] for k in self.keys] if self.keys is not None else [space]

        self.picture = len(seen) == 1 and is_picture(seen[0])
        if not self.picture and any(is_picture(s) for s in seen):
            raise Refused(f"a picture among other things cannot be seen; name one by environment.observation: {space}")
        if not self.picture and not all(is_numbers(s) for s in seen):
            raise Refused(f"its observations cannot be used, but Box, Discrete, MultiDiscrete, MultiBinary and Dicts "
                          f"of these can: {space}")

        if self.picture:
            self.parts = [Picture(seen[0])]
            self.bytes = self.parts[0].bytes
        else:
            self.parts = [Numbers(s) for s in seen]
            self.size = sum(p.size for p in self.parts)
            self.bytes = 4 * self.size
            if not 1 <= self.size <= most:
                raise Refused(f"its observations are {self.size} numbers, but 1 to {most} are allowed: {space}")

    def places(self, row):
        """Where the parts of a lane's observation go: views of its row of shared memory."""
        ends = numpy.cumsum([p.size for p in self.parts]).tolist()
        return [p.place(row[end - p.size:end]) for p, end in zip(self.parts, ends)]

    def put(self, places, seen):
        if self.keys is None:
            self.parts[0].put(places[0], seen)
            return
        for key, part, place in zip(self.keys, self.parts, places):
            part.put(place, seen[key])

    def words(self):
        p = self.parts[0]
        return f"picture {p.rows} {p.columns} {p.channels}" if self.picture else f"numbers {self.size}"


# --- actions ----------------------------------------------------------------------------------------------------------
class Hand:
    """What an action is made of, and how it comes out of shared memory."""

    def __init__(self, space, most):
        self.space, self.dtype = space, space.dtype
        self.shape = getattr(space, "shape", ())
        if isinstance(space, spaces.Box):
            self.count, self.take = int(numpy.prod(self.shape)), self.box
            self.outputs = self.count
        elif isinstance(space, spaces.Discrete):
            self.count, self.take, self.outputs = 1, self.one, int(space.n)
        elif isinstance(space, spaces.MultiDiscrete):
            self.count, self.take, self.outputs = int(space.nvec.size), self.several, int(space.nvec.sum())
        elif isinstance(space, spaces.MultiBinary):
            self.count, self.take = int(numpy.prod(self.shape)), self.several
            self.outputs = self.count
        else:
            raise Refused(f"its actions cannot be used, but Box, Discrete, MultiDiscrete and MultiBinary can: {space}")
        if not 1 <= self.outputs <= most:
            raise Refused(f"its actions are {self.outputs} numbers, but 1 to {most} are allowed: {space}")

    # A copy each time: the environment may keep it. place (of the space's shape)
    def box(self, place):
        return numpy.rint(place).astype(self.dtype) if self.dtype.kind in "iu" else place.astype(self.dtype)

    def one(self, place):
        return int(place)

    def several(self, place):
        return place.astype(self.dtype)

    def words(self):
        s = self.space
        row = lambda values: " ".join(repr(v) for v in numpy.asarray(values).reshape(-1).tolist())
        if isinstance(s, spaces.Box):
            return f"box {self.count}\nlow {row(s.low)}\nhigh {row(s.high)}"
        if isinstance(s, spaces.MultiBinary):
            return f"binary {self.count}"
        choices = [s.n] if isinstance(s, spaces.Discrete) else s.nvec
        start = getattr(s, "start", 0)
        start = start if numpy.size(start) == self.count else numpy.zeros(self.count, int)
        return f"choices {self.count}\nof {row(choices)}\nfrom {row(start)}"


# --- the environment --------------------------------------------------------------------------------------------------
def options_read(text):
    try:
        options = json.loads(text) if text else {}
    except ValueError as e:
        raise Refused(f"environment.options is no JSON, such as {{\"continuous\": true}}: {text}: {e}")
    if not isinstance(options, dict):
        raise Refused(f"environment.options names no arguments, as {{\"continuous\": true}} does: {text}")
    return options


def wrapper_find(word):
    module, colon, name = word.strip().partition(":")
    try:
        found = getattr(importlib.import_module(module), name) if colon and name else None
    except (ImportError, AttributeError) as e:
        raise Refused(f"environment.wrappers: {word}: {e}")
    if found is None:
        raise Refused(f"environment.wrappers: {word}: wanted module:Class")
    return found


class Maker:
    def __init__(self, name, options, wrappers):
        self.name, self.options = name, options_read(options)
        self.wrappers = [wrapper_find(w) for w in wrappers.split(",")] if wrappers else []

    def __call__(self):
        try:
            env = gymnasium.make(self.name, disable_env_checker=True, **self.options)
        except (gymnasium.error.Error, ImportError, TypeError) as e:
            raise Refused(f"gymnasium.make(\"{self.name}\"{', ' if self.options else ''}"
                          f"{', '.join(f'{k}={v!r}' for k, v in self.options.items())}): {type(e).__name__}: {e}")
        for wrapper in self.wrappers:
            env = wrapper(env)
        return env


def cap_of(env):
    """Steps after which it is cut, as the wrapper that will do so has it; 0: nobody knows."""
    while True:
        most = env.__dict__.get("_max_episode_steps")
        if isinstance(most, int) and most > 0:
            return most
        inner = env.__dict__.get("env")
        if inner is None:
            break
        env = inner
    return (getattr(env, "spec", None) and env.spec.max_episode_steps) or 0


def described(env, eye, hand):
    one_line = lambda space: " ".join(str(space).split())
    return "\n".join([f"version gymnasium {gymnasium.__version__}", f"cap {cap_of(env)}", f"observation {eye.words()}",
                      f"action {hand.words()}", f"shows {one_line(env.observation_space)}",
                      f"takes {one_line(env.action_space)}", ""])


# --- a batch after the other ------------------------------------------------------------------------------------------
class Lanes:
    def __init__(self, memory, maker, first, eye, hand, frame_skip):
        head = memoryview(memory).cast("q")
        lanes = head[LANES]

        def area(which, dtype, *shape):
            return numpy.frombuffer(memory, dtype, int(numpy.prod(shape)), head[which]).reshape(shape)

        self.memory, self.head, self.maker, self.eye, self.hand, self.skip = memory, head, maker, eye, hand, frame_skip
        self.envs = [first] + [None] * (lanes - 1)
        self.batch = area(BATCH, numpy.int32, lanes, 2)
        self.seeds = area(SEEDS, numpy.uint32, lanes)
        self.flags = memoryview(area(FLAGS, numpy.int32, lanes))  # the quickest way to a single number
        self.rewards = memoryview(area(REWARDS, numpy.float64, lanes))
        boxes = isinstance(hand.space, spaces.Box)
        actions = area(ACTIONS, numpy.float32 if boxes else numpy.int64, lanes, hand.count)
        self.actions = [row.reshape(hand.shape) for row in actions]
        kind, size = (numpy.uint8, eye.bytes) if eye.picture else (numpy.float32, eye.size)
        self.observations = [eye.places(row) for row in area(OBSERVATIONS, kind, lanes, size)]

    def reset(self, slot):
        if self.envs[slot] is None:
            self.envs[slot] = self.maker()
        seen, _ = self.envs[slot].reset(seed=int(self.seeds[slot]))
        self.eye.put(self.observations[slot], seen)

    def step(self, slot):
        env, action, total = self.envs[slot], self.hand.take(self.actions[slot]), 0.0
        for _ in range(self.skip):
            seen, reward, terminated, truncated, _ = env.step(action)
            total += float(reward)
            if terminated or truncated:
                break
        self.eye.put(self.observations[slot], seen)
        self.rewards[slot] = total
        self.flags[slot] = (TERMINATED if terminated else 0) | (TRUNCATED if truncated else 0)

    def failed(self, slot):
        """An environment that raised is nobody's any more: the lane gets a new one."""
        self.flags[slot] = FAILED
        if self.head[TEXT_SIZE] == 0:
            words_put(self.memory, traceback.format_exc())
        env, self.envs[slot] = self.envs[slot], None
        try:
            env.close()
        except BaseException:
            pass

    def work(self):
        head = self.head
        for slot, what in self.batch[:head[COUNT]].tolist():
            head[AT] = slot
            try:
                self.flags[slot] = 0
                if what & RESET:
                    self.reset(slot)
                if what & STEP:
                    self.step(slot)
            except BaseException:  # whatever it was, sys.exit() included: others' episodes go on
                self.failed(slot)
        head[AT] = -1


def begin(memory, words):
    global gymnasium, numpy, spaces
    name, options, wrappers, keys, skip, most = words
    try:
        import gymnasium
        import numpy
        from gymnasium import spaces
    except ImportError as e:
        raise Refused(f"{sys.executable} cannot import gymnasium ({e}): {sys.executable} -m pip install gymnasium, or "
                      f"name a Python that has it by environment.python")
    maker = Maker(name, options, wrappers)
    env = maker()
    eye, hand = Eye(env.observation_space, keys, int(most)), Hand(env.action_space, int(most))
    words_put(memory, described(env, eye, hand))
    return lambda: Lanes(memory_map(0), maker, env, eye, hand, int(skip))


def main(words):
    sys.path[0] = os.getcwd()  # as `python -c` has it: the user's modules, not this file's neighbours
    for name in ("SDL_VIDEODRIVER", "SDL_AUDIODRIVER"):
        os.environ.setdefault(name, "dummy")
    dies_first()
    leash, memory = leash_take(), memory_map(HEAD_BYTES + TEXT_BYTES)
    try:
        lanes_open = begin(memory, words)
    except Refused as e:
        words_put(memory, str(e))
        leash.send(b"r")
        return
    except BaseException:
        words_put(memory, traceback.format_exc())
        leash.send(b"f")
        return
    leash.send(b"k")

    # the next byte says that there is room for all lanes; each after it is a batch
    lanes = lanes_open() if leash.recv(1) else None
    if lanes:
        leash.send(b"k")
    while lanes and leash.recv(1):
        lanes.head[TEXT_SIZE] = 0
        lanes.work()
        leash.send(b"k")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except OSError:
        pass  # nobody is there any more
    finally:
        os._exit(0)
