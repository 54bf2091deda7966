"""Somebody else's environment, for the program that started this one: steps its lanes in lockstep, batch by batch.

A batch lies in memory that both share, open as descriptor 3; how it is laid out, and how they take turns, stands in
src/env/gym_child.h. Standard input is a socket, by which one wakes the other. Standard output and error are the
environment's to print to. Needs Python 3.8, Gymnasium and NumPy.

Arguments: the id, then what a configuration says under `environment`: options, wrappers, observation ("" where it says
nothing), frame_skip and the most numbers that an observation or an action may have.
"""

import ctypes
import functools
import importlib
import json
import mmap
import os
import signal
import socket
import sys
import threading
import time
import traceback

(LANES, COUNT, AT, TEXT_SIZE, ASKED, DONE, RANK_SLEEPS, CHILD_SLEEPS, BATCH, SEEDS, FLAGS, REWARDS, ACTIONS,
 OBSERVATIONS) = range(14)
HEAD_BYTES, TEXT_BYTES = 4096, 61440
RESET, STEP = 1, 2
TERMINATED, TRUNCATED, FAILED = 1, 2, 4
MEMORY = 3
LOOK_SECONDS, LOOK_PAUSE = 0.0005, 0.02  # as in gym_child.c


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
class Part:
    """Something seen, as it is: a picture's bytes, which whoever reads them brings to size, or numbers of a state."""

    def __init__(self, space, casting):
        self.space, self.shape, self.dtype, self.casting = space, space.shape, space.dtype, casting
        self.size = int(numpy.prod(self.shape))

    def fitting(self, seen):
        seen = numpy.asarray(seen)
        if seen.shape != self.shape or not numpy.can_cast(seen.dtype, self.dtype, self.casting):
            raise ValueError(f"an observation of {kind_of(seen)}, where its space is {self.space}")
        return seen

    def into(self, row):
        """What puts it into a lane's row of shared memory."""
        place, shape, dtype, ndarray = row.reshape(self.shape), self.shape, self.dtype, numpy.ndarray

        def put(seen):
            if type(seen) is not ndarray or seen.shape != shape or seen.dtype is not dtype:
                seen = self.fitting(seen)
            place[...] = seen

        return put


class Choices(Part):
    """Choices, as one-hot."""

    def __init__(self, space):
        super().__init__(space, "same_kind")
        several = isinstance(space, spaces.MultiDiscrete)
        self.choices = space.nvec.reshape(-1) if several else numpy.array([space.n])
        self.start = numpy.broadcast_to(getattr(space, "start", 0), self.shape).reshape(-1)
        self.ends = numpy.cumsum(self.choices)
        self.size = int(self.ends[-1])

    def into(self, row):
        def put(seen):
            chosen = self.fitting(seen).reshape(-1) - self.start
            if (chosen < 0).any() or (chosen >= self.choices).any():
                raise ValueError(f"an observation of {seen}, where its space is {self.space}")
            row[:] = 0
            row[self.ends - self.choices + chosen] = 1

        return put


def kind_of(seen):
    if not isinstance(seen, numpy.ndarray):
        return f"type {type(seen).__name__}"
    return f"shape {seen.shape} and dtype {seen.dtype}"


def is_picture(space):
    shape = getattr(space, "shape", None) or ()
    plain = isinstance(space, spaces.Box) and space.dtype == numpy.uint8
    return plain and (len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3)))


def part_of_state(space):
    if isinstance(space, (spaces.Discrete, spaces.MultiDiscrete)):
        return Choices(space)
    return Part(space, "same_kind") if isinstance(space, (spaces.Box, spaces.MultiBinary)) else None


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

        self.parts = [Part(seen[0], "equiv")] if self.picture else [part_of_state(s) for s in seen]
        if None in self.parts:
            raise Refused(f"its observations cannot be used, but Box, Discrete, MultiDiscrete, MultiBinary and Dicts "
                          f"of these can: {space}")
        self.size = sum(p.size for p in self.parts)
        if not self.picture and not 1 <= self.size <= most:
            raise Refused(f"its observations are {self.size} numbers, but 1 to {most} are allowed: {space}")

    def into(self, row):
        """What puts an observation into a lane's row of shared memory."""
        ends = numpy.cumsum([p.size for p in self.parts]).tolist()
        puts = [p.into(row[end - p.size:end]) for p, end in zip(self.parts, ends)]
        if self.keys is None:
            return puts[0]

        def put(seen):
            for key, put_part in zip(self.keys, puts):
                put_part(seen[key])

        return put

    def words(self):
        if not self.picture:
            return f"numbers {self.size}"
        rows, columns, channels = (*self.parts[0].shape, 1)[:3]
        return f"picture {rows} {columns} {channels}"


# --- actions ----------------------------------------------------------------------------------------------------------
class Hand:
    """What an action is made of, and how it comes out of shared memory."""

    def __init__(self, space, most):
        self.space, self.dtype = space, space.dtype
        self.shape = getattr(space, "shape", ())
        if isinstance(space, spaces.Box):
            self.count = self.outputs = int(numpy.prod(self.shape))
        elif isinstance(space, spaces.Discrete):
            self.count, self.outputs = 1, int(space.n)
        elif isinstance(space, spaces.MultiDiscrete):
            self.count, self.outputs = int(space.nvec.size), int(space.nvec.sum())
        elif isinstance(space, spaces.MultiBinary):
            self.count = self.outputs = int(numpy.prod(self.shape))
        else:
            raise Refused(f"its actions cannot be used, but Box, Discrete, MultiDiscrete and MultiBinary can: {space}")
        if not 1 <= self.outputs <= most:
            raise Refused(f"its actions are {self.outputs} numbers, but 1 to {most} are allowed: {space}")

    def out_of(self, row):
        """What takes an action out of a lane's row of shared memory. A copy each time: the environment may keep it."""
        place = row.reshape(self.shape)
        if isinstance(self.space, spaces.Discrete):
            return functools.partial(self.dtype.type, place)
        if isinstance(self.space, spaces.Box) and self.dtype.kind in "iu":
            return lambda: numpy.rint(place).astype(self.dtype)
        return functools.partial(place.astype, self.dtype)

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
def step_repeated(env, times, action):
    total = 0.0
    for _ in range(times):
        seen, reward, terminated, truncated, facts = env.step(action)
        total += float(reward)
        if terminated or truncated:
            break
    return seen, total, terminated, truncated, facts


class Lanes:
    def __init__(self, memory, maker, first, eye, hand, frame_skip):
        head = memoryview(memory).cast("q")
        lanes = head[LANES]

        def area(which, dtype, *shape):
            return numpy.frombuffer(memory, dtype, int(numpy.prod(shape)), head[which]).reshape(shape)

        self.memory, self.head, self.maker, self.skip = memory, head, maker, frame_skip
        self.envs, self.steps = [None] * lanes, [None] * lanes
        self.lane_open(0, first)

        # single numbers come and go the quickest way through memoryviews
        self.batch = memoryview(area(BATCH, numpy.int32, lanes * 2))
        self.seeds = memoryview(area(SEEDS, numpy.uint32, lanes))
        self.flags = memoryview(area(FLAGS, numpy.int32, lanes))
        self.rewards = memoryview(area(REWARDS, numpy.float64, lanes))

        boxes = isinstance(hand.space, spaces.Box)
        actions = area(ACTIONS, numpy.float32 if boxes else numpy.int64, lanes, hand.count)
        self.takes = [hand.out_of(row) for row in actions]
        observations = area(OBSERVATIONS, numpy.uint8 if eye.picture else numpy.float32, lanes, eye.size)
        self.puts = [eye.into(row) for row in observations]

    def lane_open(self, slot, env):
        self.envs[slot] = env
        self.steps[slot] = env.step if self.skip == 1 else functools.partial(step_repeated, env, self.skip)

    def reset(self, slot):
        if self.envs[slot] is None:
            self.lane_open(slot, self.maker())
        seen, _ = self.envs[slot].reset(seed=self.seeds[slot])
        self.puts[slot](seen)

    def step(self, slot):
        seen, self.rewards[slot], terminated, truncated, _ = self.steps[slot](self.takes[slot]())
        self.puts[slot](seen)
        if terminated or truncated:
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
        batch = self.batch[:2 * head[COUNT]].tolist()
        for slot, what in zip(batch[::2], batch[1::2]):
            head[AT] = slot
            try:
                if what & RESET:
                    self.reset(slot)
                if what & STEP:
                    self.step(slot)
            except BaseException:  # whatever it was, sys.exit() included: others' episodes go on
                self.failed(slot)
        head[AT] = -1


# --- turns ------------------------------------------------------------------------------------------------------------
class Turns:
    """Who waits for whom: the other side, and why it looks before it sleeps, is in gym_child.c."""

    def __init__(self, head, leash):
        self.head, self.leash, self.look_from, self.rank_slept = head, leash, 0.0, False
        self.lock = threading.Lock()
        self.lock.acquire()

    def order(self):
        """What was read and written before this is so before whatever comes after it, on every processor."""
        self.lock.release()
        self.lock.acquire()

    def look(self, done):
        """As the rank does, and where it did so itself."""
        start = now = time.perf_counter()
        if start < self.look_from or self.rank_slept:
            return
        while self.head[ASKED] == done and now - start < LOOK_SECONDS:
            os.sched_yield()
            now = time.perf_counter()
        if self.head[ASKED] == done:
            self.look_from = now + LOOK_PAUSE

    def sleep(self, done):
        """False: nobody is there any more."""
        there = True
        self.head[CHILD_SLEEPS] = 1
        self.order()
        while there and self.head[ASKED] == done:
            there = self.leash.recv(64)
        self.head[CHILD_SLEEPS] = 0
        return there

    def wait(self):
        """Until there is a batch; False: there will be none."""
        done = self.head[DONE]
        self.look(done)
        there = self.head[ASKED] != done or self.sleep(done)
        self.order()
        return there

    def done(self):
        self.order()
        self.head[DONE] = self.head[ASKED]
        self.order()
        self.rank_slept = self.head[RANK_SLEEPS]
        if self.rank_slept:
            self.leash.send(b"k")


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

    # the next byte says that there is room for all lanes
    if not leash.recv(1):
        return
    lanes = lanes_open()
    turns = Turns(lanes.head, leash)
    leash.send(b"k")
    while turns.wait():
        lanes.work()
        turns.done()


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except OSError:
        pass  # nobody is there any more
    finally:
        os._exit(0)
