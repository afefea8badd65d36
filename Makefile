# make all | install | installcheck     PGXS: build, install, test against a running server
# make demo | check | stress | bench | loadtest | coverage on a throw-away server that is gone afterwards (installs missing packages)
# make fresh                             demo and check on bare roots of Debian, made by debootstrap
# make lint | clean

EXTENSION  = swipesavvy
MODULE_big = swipesavvy
SHLIB_LINK = -lsodium

# Libraries of their own, a folder each, which only those processes load that need them.
LIBRARIES = worker http gsl learn
LIBS_http = -lcurl
LIBS_gsl  = -lgsl -lgslcblas -lm
LIBS_learn = -llinear

sources = $(sort $(wildcard $(addsuffix *.c,$(1))))
headers = $(wildcard $(addsuffix *.h,$(1)))
folders = $(filter-out $(LIBRARIES:%=src/%/),$(sort $(dir $(wildcard src/*/*.c))))
library_file = swipesavvy_$(1)$(DLSUFFIX)
OBJS    = $(patsubst %.c,%.o,$(call sources,src/ $(folders))) build/console_page.o

# The SQL of each release, in the order in which it runs, under a search_path in which nobody else's objects are. A new release: its step in SQL_STEPS and its SQL_… line.
SQL_STEPS = 1.0.0 1.0.0--1.1.0 1.1.0--1.2.0
SQL_1_0_0 = base/schema base/roles base/types audit/audit outbox/outbox outbox/sinks programme/settings programme/currencies \
            merchants/categories merchants/mcc users/users signin/signin merchants/merchants programme/segments programme/tiers \
            programme/boosts campaigns/campaigns ledger/ledger points/rewards points/leaderboards rules/rules purchases/purchases \
            campaigns/simulate purchases/settlement campaigns/events users/export_and_erase base/search ledger/verify operations/jobs \
            health/health operations/guard operations/restore base/privileges
SQL_1_1_0 = base/steps flags/documents flags/flags flags/usage flags/restore flags/privileges \
            experiments/plan experiments/experiments experiments/functions experiments/restore experiments/privileges \
            analytics/rollups analytics/campaigns analytics/segments analytics/uplift analytics/customers analytics/reports analytics/restore analytics/privileges
SQL_1_2_0 = base/before places/locations places/ratings places/offers places/geofences merchants/merchants places/partners places/views places/restore places/privileges \
            learning/learning learning/recommendations learning/scores learning/live learning/restore learning/privileges routes/routes routes/privileges base/way_back
# The steps back: each a file of sql/back of that name.
SQL_BACK  = 1.2.0--1.1.0

# The major versions on which it is tested: its C writes rows past the executor, and each version is looked at before it is added here.
SERVERS = 15 16 17 18

PG_CONFIG      ?= pg_config
NEEDED         = pg_trgm cube btree_gist
REGRESS        = $(basename $(notdir $(sort $(wildcard test/sql/*.sql))))
ISOLATION      = $(basename $(notdir $(sort $(wildcard test/specs/*.spec))))
REGRESS_OPTS   = --inputdir=test $(NEEDED:%=--load-extension=%) --load-extension=swipesavvy
ISOLATION_OPTS = --inputdir=test --outputdir=. $(NEEDED:%=--load-extension=%) --load-extension=swipesavvy

# The server's own headers are system headers: their warnings are not ours.
PG_CPPFLAGS = -Isrc -isystem $(shell $(PG_CONFIG) --includedir-server)
PG_CFLAGS   = -Wall -Wextra -Wmissing-prototypes -Wno-unused-parameter -Wno-missing-field-initializers -ffp-contract=off

EXTRA_CLEAN = build coverage $(foreach l,$(LIBRARIES),$(patsubst %.c,%.o,$(call sources,src/$l/)) $(call library_file,$l))
# Bitcode needs the very clang that built the server, and gains nothing here: nothing of ours is worth inlining.
override with_llvm = no

sql_release = $(lastword $(subst --, ,$(1)))
sql_declared = $(SQL_$(subst .,_,$(sql_release)))
sql_files = $(if $(filter $(1),$(SQL_BACK)),sql/back/$(1).sql,$(patsubst %,sql/$(sql_release)/%.sql,$(sql_declared)))
sql_unlisted = $(filter-out $(sql_files),$(wildcard sql/$(sql_release)/*.sql sql/$(sql_release)/*/*.sql))
sql_missing = $(filter-out $(wildcard sql/$(sql_release)/*.sql sql/$(sql_release)/*/*.sql),$(sql_files))
DATA_built = $(SQL_STEPS:%=build/swipesavvy--%.sql) $(SQL_BACK:%=build/swipesavvy--%.sql)
DATA = $(wildcard swipesavvy--*.control)

ON_A_SERVER = check demo stress bench loadtest coverage lint fresh
ifneq (,$(filter $(ON_A_SERVER),$(MAKECMDGOALS)))
# Without PGXS, which a fresh machine lacks and which has a 'check' of its own.
check demo stress bench loadtest coverage:
	@bash test/run/sandbox.sh $@
lint:
	@bash test/run/lint.sh
fresh:
	@bash test/run/fresh.sh
all install installcheck clean:
	@$(MAKE) --no-print-directory $@
.PHONY: $(ON_A_SERVER) all install installcheck clean
else
PGXS := $(shell $(PG_CONFIG) --pgxs)
ifeq (,$(wildcard $(PGXS)))
$(error $(PG_CONFIG) knows no server to build for: install postgresql-server-dev-N (N: the server's major version), or set PG_CONFIG)
endif
# Debian's client brings pg_config and PGXS without the headers of the server.
ifeq (,$(wildcard $(shell $(PG_CONFIG) --includedir-server)/postgres.h))
$(error no postgres.h in $(shell $(PG_CONFIG) --includedir-server): install postgresql-server-dev-$(firstword $(subst ., ,$(lastword $(shell $(PG_CONFIG) --version)))), or set PG_CONFIG)
endif
include $(PGXS)
ifeq (,$(filter $(MAJORVERSION),$(SERVERS)))
$(error swipesavvy is for PostgreSQL $(SERVERS), and $(PG_CONFIG) builds for $(VERSION))
endif

$(OBJS): $(call headers,src/ $(folders)) Makefile

# The operators' page, as C.
build/console_page.c: $(wildcard src/console/*) Makefile
	@mkdir -p build
	@sh src/console/page.sh src/console > $@.new && mv $@.new $@

define library
OBJS_$(1) = $(patsubst %.c,%.o,$(call sources,src/$(1)/))
$$(OBJS_$(1)): $(call headers,src/base/ $(LIBRARIES:%=src/%/)) Makefile
$(call library_file,$(1)): $$(OBJS_$(1))
	$$(LINK.shared) -o $$@ $$(OBJS_$(1)) $$(LDFLAGS) $$(LDFLAGS_SL) $$(LIBS_$(1)) $$(BE_DLLLIBS)
endef
$(foreach l,$(LIBRARIES),$(eval $(call library,$l)))
libraries = $(foreach l,$(LIBRARIES),$(call library_file,$l))

.PHONY: install-libraries uninstall-libraries
all: $(libraries)
install: install-libraries
install-libraries: $(libraries) installdirs
	$(INSTALL_SHLIB) $(libraries) '$(DESTDIR)$(pkglibdir)'
uninstall: uninstall-libraries
uninstall-libraries:
	rm -f $(foreach l,$(libraries),'$(DESTDIR)$(pkglibdir)/$l')

build/swipesavvy--%.sql: Makefile | sql-complete
	@mkdir -p build
	@{ printf '%s\n' '\echo Use "$(if $(findstring --,$*),ALTER EXTENSION swipesavvy UPDATE,CREATE EXTENSION swipesavvy)" to load this file. \quit' 'SET LOCAL search_path = pg_catalog, pg_temp;' && \
	    cat $(call sql_files,$*); } > $@.new && mv $@.new $@
$(foreach s,$(SQL_STEPS) $(SQL_BACK),$(eval build/swipesavvy--$s.sql: $(call sql_files,$s)))

.PHONY: sql-complete
sql-complete:
	@$(foreach s,$(SQL_STEPS),$(if $(call sql_unlisted,$s),$(error not listed in SQL_$(subst .,_,$(call sql_release,$s)): $(call sql_unlisted,$s))))
	@$(foreach s,$(SQL_STEPS),$(if $(call sql_missing,$s),$(error listed, but there is no file: $(call sql_missing,$s))))
endif
