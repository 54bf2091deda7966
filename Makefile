# dreamfarm: build, test, install. `make help` lists the targets.

comma := ,
space := $() $()
# --- the house: each room and the rooms it may look at (build order, documentation and lint rule at once) -----------
ROOMS := base num nn es farm env data config run world train rollout search fidelity launch app
base_is      := the words every room speaks: status, check, log, memory, files, text
base_sees    :=
num_is       := products of matrices, vector maths, and the one source of randomness
num_sees     := base
nn_is        := layers as plain functions on float arrays, forward and back, and Adam
nn_sees      := base num
es_is        := ask and tell: the optimisers
es_sees      := base num
farm_is      := a map over tasks that survives losses, and collectives: by MPI, alone, or simulated
farm_sees    := base
env_is       := real environments and their baselines
env_sees     := base num
data_is      := episodes, tensors and pictures on disk
data_sees    := base
world_is     := learned worlds of any family, and the minds that live in them
world_sees   := base num nn data
train_is     := how worlds come to be: everything with a gradient
train_sees   := base num nn data world
rollout_is   := episodes in lanes, dreamt or real
rollout_sees := base num nn env world
search_is    := generations of candidates: introduces es, farm, rollout and world
search_sees  := base num es farm env data world rollout config run
fidelity_is  := how far a dream is to be trusted: measured beside reality
fidelity_sees := base num es farm env data world rollout config run search
config_is    := every knob: name, type, default, range, words
config_sees  := base es
run_is       := a run on disk: one name for every file, its stages and its pulse
run_sees     := base data config
launch_is    := around the job: starts it, watches its pulse, starts it again
launch_sees  := base run
app_is       := options and verbs, a file each
app_sees     := base num nn es farm env data world train rollout config run search fidelity launch
# the rooms that call the system itself
SYSTEM := base env run search launch app
# --- each foreign header and the one door it comes in by; and ours that are for a few alone --------------------------
FOREIGN := mpi.h=src/farm/mpi.c cblas.h=src/num/ Random123=src/num/ yaml.h=src/config/yaml.c hdf5.h=src/data/ \
           png.h=src/data/ jansson.h=src/data/ xxhash.h=src/base/ \
           world_mdn.h=src/world/,src/train/,include/train.h train.h=src/train/,src/app/train.c

# The version stands in include/es.h, for users of the library too.
VERSION := $(subst $(space),.,$(strip $(shell sed -n 's/^.define DREAMFARM_VERSION_[A-Z]* *//p' include/es.h)))
PREFIX  ?= /usr/local
MPICC   ?= mpicc
# no: one rank, by the farm's serial twin, without mpicc and mpirun
MPI     ?= yes
CC      := $(if $(filter default,$(origin CC)),gcc,$(CC))
SANITIZE ?=
cores   := $(shell nproc 2>/dev/null || sysctl -n hw.ncpu)
alone   := $(filter no,$(MPI))
BUILD   := build$(if $(alone),/alone)$(if $(SANITIZE),/sanitize)$(if $(filter-out gcc,$(CC)),/$(notdir $(CC)))$(if \
           $(alone),,$(if $(filter-out mpicc,$(MPICC)),/$(notdir $(MPICC))))

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wstrict-prototypes -Wmissing-prototypes
# -ffp-contract=off: the same bits whatever the compiler would like to fuse.
CFLAGS  ?= -O3 -g
FLAGS   := -std=c11 -D_GNU_SOURCE -Iinclude -ffp-contract=off -fno-math-errno $(WARNINGS) $(CFLAGS) -MMD -MP \
           $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer)
hdf5_pc := $(shell pkg-config --exists hdf5-serial 2>/dev/null && echo hdf5-serial || echo hdf5)
PACKAGES = $(hdf5_pc) yaml-0.1 libpng jansson libxxhash openblas
PKG_CFLAGS = $(shell pkg-config --cflags $(PACKAGES) 2>/dev/null)
PKG_LIBS   = $(shell pkg-config --libs $(PACKAGES) 2>/dev/null || echo -lhdf5 -lyaml -lpng -ljansson -lxxhash -lopenblas)
MPI_CFLAGS = $(filter-out -pthread,$(shell $(MPICC) --showme:compile 2>/dev/null || $(MPICC) -compile_info 2>/dev/null | cut -d' ' -f2-))
LINK_ALONE = $(CC) $(if $(SANITIZE),-fsanitize=$(SANITIZE))
LINK = $(if $(alone),$(LINK_ALONE),OMPI_CC=$(CC) MPICH_CC=$(CC) $(MPICC) $(if $(SANITIZE),-fsanitize=$(SANITIZE)))
# LDFLAGS: where libraries in a prefix are to be found, -Wl,-rpath,$HOME/deps/lib say (docs/install.md).
LIBS = $(PKG_LIBS) -lm -lpthread -ldl $(LDFLAGS)

# What gradient checks need, compiled a second time with REAL=double.
DOUBLE_SOURCES := $(foreach r,base num nn,$(wildcard src/$(r)/*.c)) src/world/shape.c \
  $(foreach f,vae_net rnn_net ahead,src/train/$(f).c)
# One transport of two is in the archive.
sources = $(filter-out src/farm/$(if $(alone),mpi,alone).c,$(wildcard src/$(1)/*.c))
objects = $(patsubst %.c,$(BUILD)/%.o,$(call sources,$(1)))
LIBRARY  := $(BUILD)/libdreamfarm.a
LIBRARY2 := $(BUILD)/double/libdreamfarm.a
PROGRAM  := $(BUILD)/dreamfarm
APP      := $(call objects,app)

.PHONY: all help deps lint house test test-cluster bench bench-peers quickstart install clean check-deps
.DELETE_ON_ERROR:

# What the program looks for beside itself, as it is installed.
SHARE := $(BUILD)/share/dreamfarm
$(SHARE)/%.py: src/env/%.py
	@mkdir -p $(@D)
	$(if $(V),,@)cp $< $@

all: check-deps $(PROGRAM) $(SHARE)/gym_child.py

help:
	@echo "make              build $(PROGRAM); V=1 shows the commands"
	@echo "make deps         install what is missing, with the system's package manager"
	@echo "make quickstart   learn a world, evolve a controller in it, judge it outside: about 3 minutes on 2 cores"
	@echo "make test         all tests; SANITIZE=address,undefined for the checked build"
	@echo "make test-cluster SLURM, hosts over TCP, Docker: real ones, made for the test; as root"
	@echo "make lint         the house's rules: rooms, doors, headers, circles, names, columns"
	@echo "make house        the rooms: what each is for, whom it sees, which libraries come in by it"
	@echo "make MPI=no       all of this without MPI, in build/alone: one rank"
	@echo "make bench        speeds as ratios, and build/bench.json; about 4 minutes, on core BENCH_CORE=0"
	@echo "make bench-peers  PyTorch, JAX and pycma into build/peers (pip, 6 GB), for make bench to compare with"
	@echo "make bench-bbob   es and pycma on COCO's 24 functions; BBOB_ARGS=--help for more"
	@echo "make install      PREFIX=$(PREFIX)"

check-deps:
	@command -v $(if $(alone),$(CC),$(MPICC)) >/dev/null && command -v pkg-config >/dev/null && pkg-config --exists $(PACKAGES) \
	  || { echo "Something needed is missing: run 'make deps' (or see README.md, Install)."; exit 1; }

# A line for each folder, library and program that something is made in; `make V=1` shows the commands instead.
once = $(if $(said_$(1)),,$(eval said_$(1) := 1)$(info $()  $(1)))
say  = $(if $(V),,@$(call once,$(@D)))
made = $(if $(V),,@$(call once,$@))

# --- compile and link -----------------------------------------------------------------------------------------------
# Only x86-64 compilers know these; elsewhere the files are empty.
x86_64 := $(findstring x86_64,$(shell $(CC) -dumpmachine))
isa_flags = $(if $(x86_64),$(isa_flags_x86_64))
isa_flags_x86_64 = $(if $(findstring bf16,$<),-mavx512bf16 )$(if $(findstring _avx512,$<),-mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx2 -mfma,$(if $(findstring _avx2,$<),-mavx2 -mfma))
# Linux's own calls are made of others where the system is another.
elsewhere := $(filter-out Linux,$(shell uname -s))
room_flags = $(if $(elsewhere),$(if $(filter $(SYSTEM:%=src/%/%),$<),-include src/base/elsewhere.h)) $(PKG_CFLAGS) $(if $(filter src/farm/mpi.c,$<),$(MPI_CFLAGS)) -DDREAMFARM_VERSION='"$(VERSION)"'

$(BUILD)/src/%.o: src/%.c Makefile
	@mkdir -p $(@D)
	$(say)$(CC) $(FLAGS) $(isa_flags) $(room_flags) -c $< -o $@
$(BUILD)/double/src/%.o: src/%.c Makefile
	@mkdir -p $(@D)
	$(say)$(CC) $(FLAGS) $(isa_flags) $(room_flags) -DREAL=double -c $< -o $@
$(LIBRARY): $(foreach r,$(filter-out app,$(ROOMS)),$(call objects,$(r)))
	$(made)rm -f $@; ar rcs $@ $^
$(LIBRARY2): $(patsubst %.c,$(BUILD)/double/%.o,$(DOUBLE_SOURCES))
	$(made)rm -f $@; ar rcs $@ $^
$(PROGRAM): $(APP) $(LIBRARY)
	$(made)$(LINK) -o $@ $(APP) $(LIBRARY) $(LIBS)

# The twin of a program with MPI, for the tests: the same objects, but the other transport, which stands before the archive's.
TWIN := $(BUILD)/src/farm/alone.o
$(PROGRAM)-alone: $(APP) $(TWIN) $(LIBRARY)
	$(made)$(LINK_ALONE) -o $@ $(APP) $(TWIN) $(LIBRARY) $(LIBS)

# Its man page and what bash completes, from the same tables as its help.
$(BUILD)/dreamfarm.1: $(PROGRAM)
	$(made)$(PROGRAM) help --man >$@
$(BUILD)/dreamfarm.bash: $(PROGRAM)
	$(made)$(PROGRAM) help --completion >$@

# --- tests: one program a file; files named double_* are compiled and linked with REAL=double ------------------------
TEST_SOURCES := $(wildcard tests/*/test_*.c) $(wildcard tests/*/double_*.c)
TESTS   := $(patsubst %.c,$(BUILD)/%,$(TEST_SOURCES))
BENCHES := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/bench/bench_*.c))
test_objects = $(filter-out $(LIBRARY) $(LIBRARY2),$^)

$(BUILD)/tests/%.o: tests/%.c Makefile
	@mkdir -p $(@D)
	$(say)$(CC) $(FLAGS) $(PKG_CFLAGS) $(if $(findstring double_,$<),-DREAL=double) -Itests -c $< -o $@
$(filter $(BUILD)/tests/%,$(TESTS) $(BENCHES)): $(BUILD)/tests/%: $(BUILD)/tests/%.o $(LIBRARY) $(LIBRARY2)
	$(say)$(LINK) -o $@ $< $(if $(findstring double_,$@),$(LIBRARY2),$(LIBRARY)) -lcmocka $(LIBS)

TWINS := $(if $(alone),,$(PROGRAM)-alone $(BUILD)/tests/farm/test_map-alone)
$(BUILD)/tests/farm/test_map-alone: $(BUILD)/tests/farm/test_map.o $(TWIN) $(LIBRARY)
	$(say)$(LINK_ALONE) -o $@ $^ -lcmocka $(LIBS)

test: deps
	@$(MAKE) --no-print-directory -j$(cores) all tests-built
	@BUILD=$(BUILD) MPI=$(MPI) tests/run $(ONLY)
test-cluster: check-deps
	@$(MAKE) --no-print-directory -j$(cores) all
	@BUILD=$(BUILD) tests/run --cluster $(ONLY)
.PHONY: tests-built benches-built bench-bbob
# With ONLY, those of them whose names have one of its words.
asked_for = $(strip $(foreach word,$(filter-out -%,$(ONLY)),$(findstring $(word),$(1))))
tests-built: $(SHARE)/gym_child.py $(if $(filter-out -%,$(ONLY)),$(foreach t,$(TESTS),$(if $(call asked_for,$(t)),$(t))),$(TESTS)) $(TWINS)
benches-built: $(BENCHES) $(PROGRAM)
bench: check-deps
	@$(MAKE) --no-print-directory -j$(cores) benches-built
	@BUILD=$(BUILD) tests/bench/run
bench-peers:
	python3 -m venv $(BUILD)/peers
	$(BUILD)/peers/bin/pip install -q -r tests/bench/peers/requirements.txt

# --- the library for others: the es room's door, and what it needs of num and base in one object, so that an archive, too, shows
# the names of include/es.h alone. No MPI. -------------------------------------------------------------------------------
OBJCOPY ?= objcopy
SHARED  := $(BUILD)/shared
SHARED_NAME := $(if $(filter Darwin,$(elsewhere)),libdreamfarm.0.dylib,libdreamfarm.so.0)
SHARED_LINK := $(if $(filter Darwin,$(elsewhere)),libdreamfarm.dylib,libdreamfarm.so)
shared_objects = $(patsubst %.c,$(SHARED)/%.o,$(foreach r,$(1),$(call sources,$(r))))
LIBRARY_LIBS = $(strip $(shell pkg-config --libs openblas 2>/dev/null || echo -lopenblas)) -lm -lpthread
$(SHARED)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(say)$(CC) $(FLAGS) -fPIC -fvisibility=hidden $(isa_flags) $(room_flags) -c $< -o $@
$(SHARED)/below.a: $(call shared_objects,base num)
	$(made)rm -f $@; ar rcs $@ $^
$(SHARED)/dreamfarm.o: $(call shared_objects,es) $(SHARED)/below.a
	$(made)$(CC) -r -nostdlib -o $@ $^
	$(if $(V),,@)$(if $(filter Darwin,$(elsewhere)),true,$(OBJCOPY) --localize-hidden $@)
$(SHARED)/libdreamfarm.a: $(SHARED)/dreamfarm.o
	$(made)rm -f $@; ar rcs $@ $^
$(SHARED)/$(SHARED_NAME): $(SHARED)/dreamfarm.o
	$(made)$(LINK_ALONE) -shared -Wl,$(if $(filter Darwin,$(elsewhere)),-install_name$(comma)@rpath/,-soname$(comma))$(SHARED_NAME) \
	  -o $@ $^ $(LIBRARY_LIBS) $(LDFLAGS)

# --- BBOB through COCO: es in a shared object of its own, beside pycma, in a Python that nothing else needs ----------
BBOB := $(BUILD)/bbob
$(BBOB)/libes.so: $(SHARED)/tests/bench/bbob/search.o $(call shared_objects,base num es)
	$(made)$(CC) -shared -o $@ $^ $(LIBRARY_LIBS)
$(BBOB)/python/ready:
	python3 -m venv $(BBOB)/python
	$(BBOB)/python/bin/pip install -q coco-experiment==2.8.2 cma==4.4.0
	$(BBOB)/python/bin/pip install -q --no-deps cocopp==2.9.1  # for its data alone
	@touch $@
bench-bbob: $(BBOB)/libes.so $(BBOB)/python/ready
	@OPENBLAS_NUM_THREADS=1 $(BBOB)/python/bin/python tests/bench/bbob/bbob.py --library $< --out $(BBOB)/results $(BBOB_ARGS)

# --- the house's rules -----------------------------------------------------------------------------------------------
# Two scripts: the first reads, the second asks objects who calls whom: those of a build that takes seconds.
.PHONY: lint-objects
lint-objects: $(foreach r,$(ROOMS),$(call objects,$(r))) $(TWIN)
lint:
	@tests/lint "$(ROOMS)" "$(FOREIGN)" "$(foreach r,$(ROOMS),$(r)=$(subst $(space),$(comma),$($(r)_sees)))" \
	  "$(CC) -std=c11 -D_GNU_SOURCE -Iinclude $(PKG_CFLAGS) $(WARNINGS)"
	@$(MAKE) --no-print-directory -s -j$(cores) BUILD=build/lint CFLAGS=-O0 lint-objects
	@tests/lint_house build/lint "$(ROOMS)"
foreign_of = $(foreach f,$(FOREIGN),$(if $(filter src/$(1)/%,$(subst =,$(space),$(f))),$(basename $(firstword $(subst =,$(space),$(f))))))
house:
	@printf '%-8s %6s  %-84s  %-18s %s\n' room lines 'what it is for' libraries 'sees'
	@$(foreach r,$(call upside_down,$(ROOMS)),printf '%-8s %6d  %-84s  %-18s %s\n' $(r) \
	  "$$(cat src/$(r)/*.[ch] include/$(r).h 2>/dev/null | wc -l)" "$($(r)_is)" "$(strip $(call foreign_of,$(r)))" "$($(r)_sees)";)
upside_down = $(if $(1),$(call upside_down,$(wordlist 2,$(words $(1)),$(1))) $(firstword $(1)))

deps:
	@MPI=$(MPI) tests/deps $(PACKAGES)

quickstart: deps
	@$(MAKE) --no-print-directory -j$(cores) all
	@$(if $(alone),$(PROGRAM) run,jobs/local) configs/quickstart.yaml $(QUICKSTART_ARGS)

# Two libraries, of one object; with the shared one nobody needs to name what it needs.
DOORS := es
define PC_FILE
prefix=$(abspath $(PREFIX))
libdir=$${prefix}/lib
includedir=$${prefix}/include

Name: dreamfarm
Description: evolution strategies, ask and tell
Version: $(VERSION)
Cflags: -I$${includedir}
Libs: -L$${libdir} -ldreamfarm
Libs.private: $(LIBRARY_LIBS)
endef
install: export PC_TEXT = $(PC_FILE)
install: all $(SHARED)/libdreamfarm.a $(SHARED)/$(SHARED_NAME) $(BUILD)/dreamfarm.1 $(BUILD)/dreamfarm.bash
	install -d $(addprefix $(DESTDIR)$(PREFIX)/,bin include/dreamfarm lib/pkgconfig share/dreamfarm share/man/man1 \
	  share/bash-completion/completions)
	install -m755 $(PROGRAM) $(DESTDIR)$(PREFIX)/bin/dreamfarm
	install -m644 $(BUILD)/dreamfarm.1 $(DESTDIR)$(PREFIX)/share/man/man1/
	install -m644 $(BUILD)/dreamfarm.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/dreamfarm
	install -m644 $(DOORS:%=include/%.h) include/dreamfarm/env.h $(DESTDIR)$(PREFIX)/include/dreamfarm/
	install -m644 $(SHARED)/libdreamfarm.a $(DESTDIR)$(PREFIX)/lib/
	install -m755 $(SHARED)/$(SHARED_NAME) $(DESTDIR)$(PREFIX)/lib/
	ln -sf $(SHARED_NAME) $(DESTDIR)$(PREFIX)/lib/$(SHARED_LINK)
	@printf '%s\n' "$$PC_TEXT" >$(DESTDIR)$(PREFIX)/lib/pkgconfig/dreamfarm.pc
	install -m644 src/env/gym_child.py $(DESTDIR)$(PREFIX)/share/dreamfarm/
	cp -r configs jobs $(DESTDIR)$(PREFIX)/share/dreamfarm/

clean:
	rm -rf build

# Its own alone: another build may be under way.
-include $(shell find $(addprefix $(BUILD)/,src double tests shared) -name '*.d' 2>/dev/null)
