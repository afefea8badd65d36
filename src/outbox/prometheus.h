/*
 * prometheus.h: the newest sample, open alerts and jobs in Prometheus' text
 * format.
 */
#ifndef SS_PROMETHEUS_H
#define SS_PROMETHEUS_H

/* The text; empty without a sample. Reads with SPI. */
extern char *ss_prometheus_text(void);

#endif /* SS_PROMETHEUS_H */
