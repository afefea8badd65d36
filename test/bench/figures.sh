# shellcheck shell=bash disable=SC2034
# The figures, by their letters, in the order in which they are measured: doc/performance.md says what each is. figure_LETTER measures it.
figures=(a b c d e f g h i j k l m n o p q)
# Those that need a server that preloads the library; test/run/server.sh starts such a one where BENCH_ONLY names one of them.
preloaded=(k l)
