# make all | install | installcheck     PGXS: build, install, test against a running server
# make demo | check | stress | bench | loadtest | coverage on a throw-away server that is gone afterwards (installs missing packages)
# make lint | clean

EXTENSION  = swipesavvy
MODULE_big = swipesavvy
OBJS       = $(patsubst %.c,%.o,$(sort $(wildcard src/*.c)))
SHLIB_LINK = -lsodium

# The background workers' library, and the one that sends over HTTP: only they load them.
WORKER      = swipesavvy_worker
WORKER_OBJS = $(patsubst %.c,%.o,$(sort $(wildcard src/worker/*.c)))
HTTP        = swipesavvy_http
HTTP_OBJS   = $(patsubst %.c,%.o,$(sort $(wildcard src/http/*.c)))

# The SQL of each release, in the order in which it runs, under a search_path in which nobody else's objects are. A new release: its step in SQL_STEPS and its SQL_… line.
SQL_STEPS = 1.0.0
SQL_1_0_0 = schema roles types audit outbox sinks settings currencies categories mcc users signin merchants segments tiers boosts campaigns \
            points rewards leaderboards rules purchases simulate settlement events readers persons search verify jobs health guard restore privileges

PG_CONFIG      ?= pg_config
REGRESS        = $(basename $(notdir $(sort $(wildcard test/sql/*.sql))))
ISOLATION      = $(basename $(notdir $(sort $(wildcard test/specs/*.spec))))
REGRESS_OPTS   = --inputdir=test --load-extension=pg_trgm --load-extension=swipesavvy
ISOLATION_OPTS = --inputdir=test --outputdir=. --load-extension=pg_trgm --load-extension=swipesavvy

# The server's own headers are system headers: their warnings are not ours.
PG_CPPFLAGS = -isystem $(shell $(PG_CONFIG) --includedir-server)
PG_CFLAGS   = -Wall -Wextra -Werror -Wno-unused-parameter -ffp-contract=off

EXTRA_CLEAN = build coverage $(WORKER_OBJS) $(WORKER)$(DLSUFFIX) $(HTTP_OBJS) $(HTTP)$(DLSUFFIX)
# Bitcode needs the very clang that built the server, and gains nothing here: nothing of ours is worth inlining.
override with_llvm = no

sql_release = $(lastword $(subst --, ,$(1)))
sql_declared = $(SQL_$(subst .,_,$(sql_release)))
sql_files = $(patsubst %,sql/$(sql_release)/%.sql,$(sql_declared))
sql_unlisted = $(filter-out $(sql_files),$(wildcard sql/$(sql_release)/*.sql))
sql_missing = $(filter-out $(wildcard sql/$(sql_release)/*.sql),$(sql_files))
DATA_built = $(SQL_STEPS:%=build/swipesavvy--%.sql)

ON_A_SERVER = check demo stress bench loadtest coverage lint
ifneq (,$(filter $(ON_A_SERVER),$(MAKECMDGOALS)))
# Without PGXS, which a fresh machine lacks and which has a 'check' of its own.
check demo stress bench loadtest coverage:
	@bash test/run/sandbox.sh $@
lint:
	@bash test/run/lint.sh
all install installcheck clean:
	@$(MAKE) --no-print-directory $@
.PHONY: $(ON_A_SERVER) all install installcheck clean
else
PGXS := $(shell $(PG_CONFIG) --pgxs)
ifeq (,$(wildcard $(PGXS)))
$(error $(PG_CONFIG) knows no server to build for: install postgresql-server-dev, or set PG_CONFIG)
endif
include $(PGXS)

$(OBJS): $(wildcard src/*.h) Makefile

$(WORKER_OBJS): $(wildcard src/worker/*.h) src/http/http.h src/background.h src/compat.h Makefile
$(WORKER)$(DLSUFFIX): $(WORKER_OBJS)
	$(LINK.shared) -o $@ $(WORKER_OBJS) $(LDFLAGS) $(LDFLAGS_SL) $(BE_DLLLIBS)
$(HTTP_OBJS): $(wildcard src/http/*.h) src/network.h Makefile
$(HTTP)$(DLSUFFIX): $(HTTP_OBJS)
	$(LINK.shared) -o $@ $(HTTP_OBJS) $(LDFLAGS) $(LDFLAGS_SL) -lcurl $(BE_DLLLIBS)

.PHONY: install-workers uninstall-workers
all: $(WORKER)$(DLSUFFIX) $(HTTP)$(DLSUFFIX)
install: install-workers
install-workers: $(WORKER)$(DLSUFFIX) $(HTTP)$(DLSUFFIX) installdirs
	$(INSTALL_SHLIB) $(WORKER)$(DLSUFFIX) $(HTTP)$(DLSUFFIX) '$(DESTDIR)$(pkglibdir)'
uninstall: uninstall-workers
uninstall-workers:
	rm -f '$(DESTDIR)$(pkglibdir)/$(WORKER)$(DLSUFFIX)' '$(DESTDIR)$(pkglibdir)/$(HTTP)$(DLSUFFIX)'

build/swipesavvy--%.sql: Makefile | sql-complete
	@mkdir -p build
	@{ printf '%s\n' '\echo Use "$(if $(findstring --,$*),ALTER EXTENSION swipesavvy UPDATE,CREATE EXTENSION swipesavvy)" to load this file. \quit' 'SET LOCAL search_path = pg_catalog, pg_temp;' && \
	    cat $(call sql_files,$*); } > $@.new && mv $@.new $@
$(foreach s,$(SQL_STEPS),$(eval build/swipesavvy--$s.sql: $(call sql_files,$s)))

.PHONY: sql-complete
sql-complete:
	@$(foreach s,$(SQL_STEPS),$(if $(call sql_unlisted,$s),$(error not listed in SQL_$(subst .,_,$(call sql_release,$s)): $(call sql_unlisted,$s))))
	@$(foreach s,$(SQL_STEPS),$(if $(call sql_missing,$s),$(error listed, but there is no file: $(call sql_missing,$s))))
endif
