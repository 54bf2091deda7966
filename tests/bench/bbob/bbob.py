"""The 24 noiseless BBOB functions (COCO), searched by es.h and by pycma in the same harness, beside the best of BBOB-2009.

`make bench-bbob` makes what this needs and runs it; BBOB_ARGS="..." adds arguments, `--help` lists them. Every finished run is a row
of runs.csv and is not repeated by the next call, so that a long benchmark may be stopped at any time, or grown by more instances.

Both searches see the box [-5, 5]^n, begin at the same point of [-4, 4]^n with sigma0 = 2, and begin their restarts uniformly in the
box. ERT: the evaluations of all runs, until the target or the run's end, divided by the number of runs that reached it. The ERT of
the best algorithm of BBOB-2009, chosen anew for every function, dimension and target, is read from the data that cocopp carries.
"""

import argparse
import csv
import ctypes
import gzip
import importlib.util
import itertools
import math
import os
import pickle
import re
import statistics
import sys
import tempfile
import time
import warnings

import cocoex
import numpy as np

TARGETS = (1e1, 1e0, 1e-1, 1e-2, 1e-3, 1e-5, 1e-7)  # above the optimum; a run ends at the last
SHOWN = (1e0, 1e-3, 1e-7)
BOX, START, SIGMA0 = 5, 4, 2
ALGORITHMS = ("cma", "ipop", "bipop")  # by es_restarts
COLUMNS = [f"{target:.0e}" for target in TARGETS]
KEY = ("search", "algorithm", "budget", "function", "n", "instance")


# --- a problem that counts -------------------------------------------------------------------------------------------


def optimum(problem):
    """The least value. COCO tells where it is, by a file; all least values have two decimals."""
    here = os.getcwd()
    with tempfile.TemporaryDirectory() as directory:
        os.chdir(directory)
        problem._best_parameter("print")
        where = np.loadtxt("._bbob_problem_best_parameter.txt", ndmin=1)
        os.chdir(here)
    return round(problem(where), 2)


class Counted:
    """Calls the problem and notes when each target was reached."""

    def __init__(self, problem, least):
        self.problem, self.least, self.evaluations, self.hits = problem, least, 0, []

    def __call__(self, x):
        value = self.problem(x)
        self.evaluations += 1
        while len(self.hits) < len(TARGETS) and value - self.least <= TARGETS[len(self.hits)]:
            self.hits.append(self.evaluations)
        return value


# --- the two searches: each plays until its target, its budget, or its own end ---------------------------------------


class Library:
    def __init__(self, path):
        self.so = ctypes.CDLL(path)
        pointer, integer, real = ctypes.c_void_p, ctypes.c_int, ctypes.c_double
        self.array = np.ctypeslib.ndpointer(np.float64, flags="C")
        self.so.bbob_open.restype = pointer
        self.so.bbob_open.argtypes = [integer, integer, real, self.array, self.array, self.array, ctypes.c_uint64, ctypes.c_int64, real]
        self.so.es_ask.restype, self.so.es_ask.argtypes = ctypes.POINTER(real), [pointer]
        self.so.es_tell.restype, self.so.es_tell.argtypes = None, [pointer, pointer, self.array]
        self.so.es_done.restype, self.so.es_done.argtypes = ctypes.c_char_p, [pointer]
        self.so.es_popsize.restype, self.so.es_popsize.argtypes = integer, [pointer]
        self.so.es_close.restype, self.so.es_close.argtypes = None, [pointer]
        self.so.es_message.restype = ctypes.c_char_p

    def search(self, f, x0, algorithm, seed, budget, target):
        n, so = len(x0), self.so
        es = so.bbob_open(ALGORITHMS.index(algorithm), n, SIGMA0, x0, np.full(n, -float(BOX)), np.full(n, float(BOX)), seed, budget, target)
        if not es:
            sys.exit(so.es_message().decode())
        while not so.es_done(es):
            x = np.ctypeslib.as_array(so.es_ask(es), (so.es_popsize(es), n))
            so.es_tell(es, None, np.array([f(row) for row in x]))
        so.es_close(es)


def pycma_search(f, x0, algorithm, seed, budget, target):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there is no matplotlib
        import cma

    luck = np.random.default_rng(seed)
    starts = itertools.chain([x0], (luck.uniform(-BOX, BOX, len(x0)) for _ in itertools.count()))
    options = {"bounds": [-BOX, BOX], "maxfevals": budget, "ftarget": target, "seed": seed, "verbose": -9}
    cma.fmin2(f, lambda: next(starts), SIGMA0, options, restarts=0 if algorithm == "cma" else 9, bipop=algorithm == "bipop")


# --- runs ------------------------------------------------------------------------------------------------------------


def runs_read(path):
    if not os.path.exists(path):
        return {}
    with open(path, newline="") as file:
        return {tuple(row[k] for k in KEY): row for row in csv.DictReader(file)}


def run(search, wanted, suite, case):
    function, n, instance = case
    problem, seed = suite.get_problem_by_function_dimension_instance(*case), 1000 * function + instance
    least = optimum(suite.get_problem_by_function_dimension_instance(*case))
    if wanted.observe:
        problem.observe_with(cocoex.Observer("bbob", f"result_folder: {wanted.observe}"))
    f, x0 = Counted(problem, least), np.random.default_rng(seed).uniform(-START, START, n)
    search(f, x0, wanted.algorithm, seed, wanted.budget * n, least + TARGETS[-1])
    problem.free()
    return {"evaluations": f.evaluations} | dict(itertools.zip_longest(COLUMNS, f.hits, fillvalue=""))


def progress(done, of, started, words):
    if sys.stderr.isatty():
        print(f"\r\033[K{done}/{of} runs  ETA {(time.time() - started) / done * (of - done) / 60:.0f} min  {words}", end="\n" if done == of else "",
              file=sys.stderr, flush=True)


def all_runs(path, searches, wanted):
    """Makes the runs that runs.csv does not have yet; returns all that are wanted."""
    suite = cocoex.Suite("bbob", f"instances: {wanted.instances}", f"dimensions: {wanted.n} function_indices: {wanted.functions}")
    known, keys = runs_read(path), []
    for name in suite.ids():
        case = re.sub(r"\D+0*", " ", name).split()  # bbob_f008_i03_d10
        keys += [(search, wanted.algorithm, str(wanted.budget), case[0], case[2], case[1]) for search in searches]
    missing, started = [key for key in keys if key not in known], time.time()
    with open(path, "a", newline="") as file:
        writer = csv.DictWriter(file, [*KEY, "evaluations", *COLUMNS])
        if file.tell() == 0:
            writer.writeheader()
        for done, key in enumerate(missing, 1):
            known[key] = dict(zip(KEY, key)) | run(searches[key[0]], wanted, suite, tuple(map(int, key[3:])))
            writer.writerow(known[key])
            file.flush()
            progress(done, len(missing), started, "f%s n = %s" % key[3:5])
    return [known[key] for key in keys]


# --- what came of it -------------------------------------------------------------------------------------------------


class Best2009(pickle.Unpickler):
    """cocopp's own pickles, without cocopp: plain objects for its classes, numpy for the numbers, nothing else."""

    def find_class(self, module, name):
        if module.split(".")[0] == "numpy" or module == "_codecs":
            return super().find_class(module.replace("numpy.core", "numpy._core"), name)
        return type(name, (), {})


def best_2009(function, n, target):
    data = os.path.join(importlib.util.find_spec("cocopp").submodule_search_locations[0], "bestalg", f"bestalg_f{function:03d}_{n:02d}.pickle.gz")
    with gzip.open(data) as file:
        best = Best2009(file, encoding="latin1").load()
    reached = [ert for at, ert in zip(best.target, best.ert) if at <= target * (1 + 1e-9)]
    return float(reached[0]) if reached else math.inf


def ert(rows, target):
    """(ERT, runs that got there)"""
    hits = [row[f"{target:.0e}"] for row in rows]
    good = sum(hit != "" for hit in hits)
    return (sum(int(hit or row["evaluations"]) for hit, row in zip(hits, rows)) / good if good else math.inf), good


def words(value):
    return f"{value:.0f}" if math.isfinite(value) else "-"


def table(rows, searches):
    """A row for every function, n and target."""
    cases = sorted({(int(r["function"]), int(r["n"])) for r in rows})
    for function, n in cases:
        for target in TARGETS:
            line = {"function": function, "n": n, "target": target, "best_2009": best_2009(function, n, target)}
            for name in searches:
                mine = [r for r in rows if r["search"] == name and int(r["function"]) == function and int(r["n"]) == n]
                line[name], line[name + "_success"] = ert(mine, target)
                line["runs"] = len(mine)
            yield line


def ratio(line):
    a, b = line.get("dreamfarm", math.inf), line.get("pycma", math.inf)
    return a / b if math.isfinite(a) and math.isfinite(b) else None


def show(lines, searches):
    print("function  n " + "".join(f"| to {t:.0e}:" + "".join(f"{name:>12}    " for name in searches) + " best 2009 " for t in SHOWN))
    for function, n in sorted({(line["function"], line["n"]) for line in lines}):
        text = f"f{function:<6} {n:3d} "
        for line in lines:
            if (line["function"], line["n"]) == (function, n) and line["target"] in SHOWN:
                text += "|          " + "".join(f"{words(line[s]):>9} ({line[s + '_success']:2d}) " for s in searches) + f"{words(line['best_2009']):>9}   "
        print(text)


def summary(lines):
    compared = [(ratio(line), line) for line in lines if ratio(line)]
    if not compared:
        return
    middle = [r for r, _ in compared]
    quartiles = statistics.quantiles(middle, n=4)
    print(f"ERT of dreamfarm / pycma over {len(compared)} (function, n, target): median {quartiles[1]:.3f}, quartiles {quartiles[0]:.3f} {quartiles[2]:.3f}")
    only = [sum(math.isfinite(line[a]) and not math.isfinite(line[b]) for line in lines) for a, b in (("dreamfarm", "pycma"), ("pycma", "dreamfarm"))]
    print(f"reached by dreamfarm alone: {only[0]}, by pycma alone: {only[1]}, of {len(lines)}")
    for n in sorted({line["n"] for line in lines}):
        print(f"  n = {n:2d}: median {statistics.median(r for r, line in compared if line['n'] == n):.3f}")
    means = {f: math.exp(statistics.fmean(math.log(r) for r, line in compared if line["function"] == f)) for f in {line["function"] for _, line in compared}}
    order = sorted(means, key=means.get)
    print("geometric means by function, worst:", ", ".join(f"f{f} {means[f]:.2f}" for f in order[:-6:-1]), "; best:", ", ".join(f"f{f} {means[f]:.2f}" for f in order[:5]))
    for name in ("dreamfarm", "pycma"):
        behind = [line[name] / line["best_2009"] for line in lines if math.isfinite(line[name]) and math.isfinite(line["best_2009"])]
        print(f"{name} / best of 2009: median {statistics.median(behind):.2f} over {len(behind)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--library", default="build/bbob/libes.so")
    parser.add_argument("--out", default="build/bbob/results", help="where runs.csv and the tables go")
    parser.add_argument("--algorithm", choices=ALGORITHMS, default="bipop")
    parser.add_argument("--search", choices=("dreamfarm", "pycma", "both"), default="both")
    parser.add_argument("--budget", type=int, default=1000, help="evaluations a run, times n; 100000 takes a night or more")
    parser.add_argument("--instances", default="1-5", help="runs of a function; 1-15 for steadier numbers")
    parser.add_argument("--n", default="5,10,20")
    parser.add_argument("--functions", default="1-24")
    parser.add_argument("--observe", metavar="FOLDER", help="with one --search: COCO's own data into exdata/FOLDER too, for cocopp's figures")
    arguments = parser.parse_args()
    os.makedirs(arguments.out, exist_ok=True)
    searches = {"dreamfarm": Library(os.path.abspath(arguments.library)).search, "pycma": pycma_search}
    searches = {name: searches[name] for name in searches if arguments.search in (name, "both")}
    lines = list(table(all_runs(os.path.join(arguments.out, "runs.csv"), searches, arguments), searches))
    name = os.path.join(arguments.out, f"ert-{arguments.algorithm}-{arguments.budget}.csv")
    with open(name, "w", newline="") as file:
        writer = csv.DictWriter(file, list(lines[0]))
        writer.writeheader()
        writer.writerows(lines)
    print(f"{arguments.algorithm}, {arguments.budget} n evaluations a run, ERT (runs that got there of {lines[0]['runs']})")
    show(lines, searches)
    summary(lines)
    print(f"# also in {name}")


main()
